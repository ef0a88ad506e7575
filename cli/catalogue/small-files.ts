/** Files for a trial: a second of silence, and a small white picture. */
import { Readable } from 'node:stream';
import type { InputFile } from '../../providers/port.js';

const fileOf = (contentType: string, bytes: Buffer, durationMs?: number): InputFile => ({
  contentType,
  sizeBytes: bytes.length,
  ...(durationMs !== undefined && { durationMs }),
  bytes: () => Promise.resolve(bytes),
  stream: () => Promise.resolve(Readable.from([bytes])),
});

const RATE = 8_000;

/** RIFF, one channel of 16 bits. */
function waveOf(samples: number): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples * 2, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples * 2, 40);
  return Buffer.concat([head, Buffer.alloc(samples * 2)]);
}

/** PNG, 512 × 512. */
const WHITE =
  'iVBORw0KGgoAAAANSUhEUgAAAgAAAAIAAQAAAADcA+lXAAAAjElEQVR42u3MMQ0AAAwDoPo33YrYtQQEkB5FIBAI' +
  'BAKBQCAQCAQCgUAgEAgEAoFAIBAIBAKBQCAQCAQCgUAgEAgEAoFAIBAIBAKBQCAQCAQCgUAgEAgEAoFAIBAIBAKB' +
  'QCAQCAQCgUAgEAgEAoFAIBAIBAKBQCAQCAQCgUAgEAgEAoFAIBAIBAKB4HcwNvqHcg2WKzYAAAAASUVORK5CYII=';

export const silence = fileOf('audio/wav', waveOf(RATE), 1_000);
export const whitePicture = fileOf('image/png', Buffer.from(WHITE, 'base64'));
