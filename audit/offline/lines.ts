/**
 * The lines of a file that somebody else made, some at a time: whatever its size, in one buffer.
 * Only a newline ends a line, as the file was written; JSON may have U+2028 in a text.
 */
import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import type { Opened } from '../../domain/proof/signed-checkpoint.js';

/** A leaf has some kilobytes. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
const READ_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/**
 * Whole lines, whose bytes are good until the next are asked for. The problem is of the line behind
 * those that were given; nothing follows it.
 */
export async function* linesOf(path: string): AsyncGenerator<Opened<Iterable<Buffer>>> {
  const file = await open(path);
  try {
    let [buffer, kept] = [Buffer.allocUnsafe(READ_BYTES), 0];
    for (;;) {
      if (kept >= LINE_BYTES_MAX) {
        yield { problem: 'is longer than any of ours' };
        return;
      }
      if (kept === buffer.length) buffer = Buffer.concat([buffer], 2 * kept);
      const { bytesRead } = await file.read(buffer, kept, buffer.length - kept);
      const filled = buffer.subarray(0, kept + bytesRead);
      if (bytesRead === 0) {
        if (kept > 0) yield linesIn(filled);
        return;
      }
      const end = filled.lastIndexOf(NEWLINE);
      if (end >= 0) yield linesIn(filled.subarray(0, end));
      kept = filled.length - end - 1;
      buffer.copyWithin(0, end + 1, filled.length);
    }
  } finally {
    await file.close();
  }
}

const linesIn = (bytes: Buffer): Opened<Iterable<Buffer>> =>
  isUtf8(bytes) ? { opened: splitAtNewlines(bytes) } : { problem: NO_TEXT };

const NO_TEXT = 'or one soon behind it is no text in UTF-8';

function* splitAtNewlines(bytes: Buffer): Generator<Buffer> {
  let from = 0;
  for (let to = bytes.indexOf(NEWLINE); to >= 0; to = bytes.indexOf(NEWLINE, from)) {
    yield bytes.subarray(from, to);
    from = to + 1;
  }
  yield bytes.subarray(from);
}
