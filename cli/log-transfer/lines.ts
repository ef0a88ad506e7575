/**
 * Lines of an archive: one event each, as it was written. Data and metadata stand in it as JSON
 * where that gives back the same text, which is so for everything that we write; else as text.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { StreamName } from '../../contracts/streams.js';
import type { LogRow } from '../../infra/event-store/codec.js';
import { StartError } from '../../infra/start-error.js';
import { putInPlace, type Part } from './archive.js';

export interface WrittenLine {
  readonly line: string;
  /** The line without the position, which is the store's and not the event's. */
  readonly content: string;
}

export function lineOf({ position, stream, revision, id, type, data, metadata }: LogRow) {
  const event = JSON.stringify({ stream, revision, id, type }).slice(1, -1);
  const content = `${event},${field('metadata', metadata)},${field('data', data)}}\n`;
  return { line: `{"position":"${position}",${content}`, content } satisfies WrittenLine;
}

const field = (name: string, text: string): string =>
  isCanonical(text) ? `"${name}":${text}` : `"${name}_text":${JSON.stringify(text)}`;

function isCanonical(text: string): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === text;
  } catch {
    return false; // then it is kept as the text that it is
  }
}

/** Throws for a line that `lineOf` did not write. */
export function rowIn(line: string): LogRow {
  const { position, stream, revision, id, type, ...rest } = JSON.parse(line) as {
    readonly position: string;
    readonly stream: StreamName;
    readonly revision: number;
    readonly id: string;
    readonly type: string;
    readonly metadata?: unknown;
    readonly metadata_text?: string;
    readonly data?: unknown;
    readonly data_text?: string;
  };
  const data = rest.data_text ?? JSON.stringify(rest.data);
  const metadata = rest.metadata_text ?? JSON.stringify(rest.metadata);
  return { position: BigInt(position), stream, revision, id, type, data, metadata };
}

/** Written beside its place, synced and put there. */
export async function writeLines(
  folder: string,
  file: string,
  texts: AsyncIterable<string>,
): Promise<Part> {
  const path = join(folder, file);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const digest = createHash('sha256');
  let bytes = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _, done) {
      digest.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const written = createWriteStream(`${path}.part`, { mode: 0o600, flush: true });
  await pipeline(Readable.from(texts), createGzip(), counting, written);
  await putInPlace(`${path}.part`, path);
  return { file, bytes, sha256: digest.digest('hex') };
}

/** Throws `StartError`, before the first line, when the file is not what the manifest says. */
export async function* readLines(folder: string, part: Part): AsyncGenerator<string[]> {
  const path = join(folder, part.file);
  await expectIntact(path, part.sha256);
  const source = createReadStream(path, { highWaterMark: 256 * 1024 });
  const text = source.pipe(createGunzip()).setEncoding('utf8');
  source.on('error', (error) => text.destroy(error));
  let rest = '';
  try {
    for await (const chunk of text as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (lines.length > 0) yield lines;
    }
  } finally {
    source.destroy();
  }
  if (rest !== '') throw new StartError(`${path} ends within a line.`);
}

export async function expectIntact(path: string, sha256: string): Promise<void> {
  const digest = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) digest.update(chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new StartError(`The export lacks ${path}: copy it again, or export again.`);
  }
  if (digest.digest('hex') !== sha256)
    throw new StartError(`${path} is damaged: its SHA-256 is not the one in the manifest.`);
}
