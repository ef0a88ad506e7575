/** A stream whose reader must take it at a pace: who takes it byte by byte is cut off. */
import { Readable } from 'node:stream';

interface Pace {
  /** A reader may pause for so long altogether. */
  readonly graceMs: number;
  readonly charsASecond: number;
}

/** Breaks when the reader has kept it waiting longer than what it took allows. */
export function pacedStream(chunks: AsyncIterable<string>, pace: Pace): Readable {
  const made = paced(chunks, pace, () => stream.destroy(new TooSlow(pace)));
  const stream = Readable.from(made, { objectMode: false });
  return stream;
}

class TooSlow extends Error {
  override readonly name = 'TooSlow';
  constructor({ charsASecond }: Pace) {
    super(`the reader takes less than ${charsASecond} bytes a second`);
  }
}

/** Only the time in which the reader is waited for counts, not that in which chunks are made. */
async function* paced(
  chunks: AsyncIterable<string>,
  { graceMs, charsASecond }: Pace,
  onTooSlow: () => void,
): AsyncGenerator<string> {
  let leftMs = graceMs;
  for await (const chunk of chunks) {
    leftMs += (chunk.length * 1_000) / charsASecond;
    const given = performance.now();
    const timer = setTimeout(onTooSlow, leftMs);
    try {
      yield chunk;
    } finally {
      clearTimeout(timer);
    }
    leftMs -= performance.now() - given;
  }
}
