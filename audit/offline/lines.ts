/**
 * The lines of a file that somebody else made, some at a time: whatever its size, in bounded
 * memory. Only a newline ends a line, as the file was written; JSON may have U+2028 in a text.
 */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { Opened } from '../../domain/proof/signed-checkpoint.js';

/** A leaf has some kilobytes. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
const READ_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** The problem is of the line behind those that were given; nothing follows it. */
export async function* linesOf(path: string): AsyncGenerator<Opened<readonly string[]>> {
  let [rest, restBytes]: [Buffer[], number] = [[], 0];
  const chunks = createReadStream(path, { highWaterMark: READ_BYTES });
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end >= 0) {
      yield textOf([...rest, chunk.subarray(0, end)]);
      [rest, restBytes] = [[], 0];
    }
    rest.push(chunk.subarray(end + 1));
    restBytes += chunk.length - end - 1;
    if (restBytes > LINE_BYTES_MAX) {
      yield { problem: 'is longer than any of ours' };
      return;
    }
  }
  if (restBytes > 0) yield textOf(rest);
}

function textOf(parts: readonly Buffer[]): Opened<readonly string[]> {
  const bytes = Buffer.concat(parts);
  return isUtf8(bytes) ? { opened: bytes.toString('utf8').split('\n') } : { problem: NO_TEXT };
}

const NO_TEXT = 'or one soon behind it is no text in UTF-8';
