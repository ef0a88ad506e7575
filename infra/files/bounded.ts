/**
 * A file is a stranger's: its headers may send their reader round for ever, or make it keep more
 * than the file has. So whoever reads them has a number of looks, and lets others have their turn.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ByteSource } from './byte-source.js';

/** No file that anybody made to be used has so many parts. */
export class TooManyParts extends Error {}

/** Enough for any picture and film. */
export const LOOKS_MAX = 200_000;

/** The largest header that is read as a whole: a sound's tags, with the picture of its sleeve. */
const LOOK_BYTES_MAX = 16 * 1024 * 1024;
/** A larger look counts as several. */
const SMALL_LOOK_BYTES = 4 * 1024;
const LOOKS_A_TURN = 256;

/** Throws `TooManyParts` once there were more looks than that; a look gives 16 MB at most. */
export function bounded({ sizeBytes, read }: ByteSource, looksMax: number): ByteSource {
  let looks = 0;
  let turnAt = LOOKS_A_TURN;
  return {
    sizeBytes,
    async read(start, end) {
      if (looks >= looksMax) throw new TooManyParts(`more than ${looksMax} looks at a file`);
      if (looks >= turnAt) {
        turnAt = looks + LOOKS_A_TURN;
        await nextTurn();
      }
      const bytes = await read(start, Math.min(end, start + LOOK_BYTES_MAX));
      looks += 1 + Math.floor(bytes.length / SMALL_LOOK_BYTES);
      return bytes;
    },
  };
}
