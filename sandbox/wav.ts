/** WAV (RIFF/WAVE): 16-bit samples of one channel, with the spoken text in an INFO chunk. */

export const SAMPLES_PER_SECOND = 24_000;

const BYTES_PER_SAMPLE = 2;

export function encodeWav(samples: Buffer, text: string): Buffer {
  const format = Buffer.alloc(16);
  format.writeUInt16LE(1, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(SAMPLES_PER_SECOND, 4);
  format.writeUInt32LE(SAMPLES_PER_SECOND * BYTES_PER_SAMPLE, 8);
  format.writeUInt16LE(BYTES_PER_SAMPLE, 12);
  format.writeUInt16LE(BYTES_PER_SAMPLE * 8, 14);
  const info = Buffer.concat([Buffer.from('INFO'), chunk('ICMT', Buffer.from(`${text}\0`))]);
  const parts = [chunk('fmt ', format), chunk('LIST', info), chunk('data', samples)];
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), ...parts]));
}

function chunk(name: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

interface Wav {
  readonly seconds: number;
  /** That `encodeWav` put there; null in a file that others made. */
  readonly text: string | null;
}

/** Null for what is no WAV. */
export function decodeWav(bytes: Buffer): Wav | null {
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE')
    return null;
  let [bytesPerSecond, dataBytes, text]: [number, number, string | null] = [0, 0, null];
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32LE(at + 4);
    const body = bytes.subarray(at + 8, at + 8 + size);
    const name = bytes.toString('latin1', at, at + 4);
    if (name === 'fmt ' && body.length >= 16) bytesPerSecond = body.readUInt32LE(8);
    if (name === 'data') dataBytes = body.length;
    if (name === 'LIST') text = commentIn(body) ?? text;
    at += 8 + size + (size % 2);
  }
  return { seconds: bytesPerSecond > 0 ? dataBytes / bytesPerSecond : 0, text };
}

function commentIn(list: Buffer): string | null {
  if (list.toString('latin1', 0, 8) !== 'INFOICMT' || list.length < 12) return null;
  const size = list.readUInt32LE(8);
  return list.toString('utf8', 12, 12 + size).replace(/\0+$/, '');
}
