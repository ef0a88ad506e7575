/** A call of a text model as the specs of wire formats make one, with a file of each kind. */
import type { ProviderCall } from '../port.js';
import { inputFile } from './input-files.js';

/** By a digit: 1 PNG, 2 JPEG with a URL, 3 MP3, 4 PDF, 5 plain text, 6 MP4; no other is there. */
export const FILE = (digit: number) => `file_0b5c3a52-6f0e-4e0a-9a53-0d4a5d1f2b7${digit}`;

const files = new Map([
  [FILE(1), inputFile('image/png', Buffer.from('png'))],
  [FILE(2), inputFile('image/jpeg', Buffer.from('jpeg'), 'https://files.example/2?sig=x')],
  [FILE(3), inputFile('audio/mpeg', Buffer.from('mp3'))],
  [FILE(4), inputFile('application/pdf', Buffer.from('pdf'))],
  [FILE(5), inputFile('text/plain', Buffer.from('plain'))],
  [FILE(6), inputFile('video/mp4', Buffer.from('mp4'))],
]);

export const textCall = (
  input: ProviderCall['input'],
  more: Partial<ProviderCall> = {},
): ProviderCall => ({
  provider: {} as ProviderCall['provider'],
  providerModel: 'm',
  modality: 'text',
  input,
  files,
  dispatchKey: 'k',
  timeoutMs: 1_000,
  signal: new AbortController().signal,
  ...more,
});
