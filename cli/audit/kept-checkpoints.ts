/** Where a witness keeps checkpoints: lines of a file, or locked objects of a bucket. */
import { appendFile, open } from 'node:fs/promises';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { openBucket, type S3 } from '../../infra/object-store/client.js';
import {
  expectObjectLock,
  firstVersions,
  putLocked,
  type ObjectLock,
} from '../../infra/object-store/locked.js';
import { StartError } from '../../infra/start-error.js';

/** The other side did not answer as it should: it may the next time. */
export class Unanswered extends StartError {}

export interface KeptCheckpoints {
  /** Every note that may be the newest: one, or several where somebody replaced it. */
  newest(): Promise<readonly string[]>;
  keep(size: number, line: string): Promise<void>;
  close(): void;
}

export interface BucketOptions {
  readonly bucket: string;
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly prefix: string;
  readonly mode: ObjectLock['mode'];
  readonly retainDays: number;
}

export const keptInFile = (path: string): KeptCheckpoints => ({
  newest: () => newestInFile(path),
  async keep(_, line) {
    try {
      await appendFile(path, `${line}\n`, { mode: 0o600, flush: true });
    } catch (error) {
      throw fileTrouble(path, 'written', error);
    }
  },
  close: () => undefined,
});

/** More than the longest line of ours. */
const TAIL_BYTES = 64 * 1024;

async function newestInFile(path: string): Promise<readonly string[]> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const position = Math.max(0, size - TAIL_BYTES);
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(TAIL_BYTES), position });
      const last = buffer.toString('utf8', 0, bytesRead).trim().split('\n').at(-1);
      return last ? [noteIn(path, last)] : [];
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error instanceof StartError ? error : fileTrouble(path, 'read', error);
  }
}

function fileTrouble(path: string, what: string, error: unknown): StartError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new StartError(`${path} cannot be ${what}: ${code ?? message}.`, { cause: error });
}

function noteIn(place: string, line: string): string {
  try {
    const { note } = JSON.parse(line) as { readonly note?: unknown };
    if (typeof note === 'string') return note;
  } catch {
    // It is said below.
  }
  throw new StartError(`${place} has something else than checkpoints at its end.`);
}

const DAY_MS = 86_400_000;

/** Throws `StartError` where the bucket locks nothing. Keys are those of the AWS SDK. */
export async function keptInBucket(options: BucketOptions): Promise<KeptCheckpoints> {
  const { bucket, region, prefix, mode, retainDays } = options;
  const endpoint = options.endpoint ?? `https://s3.${region}.amazonaws.com`;
  const s3 = openBucket({
    bucket,
    region,
    endpoint,
    credentials: undefined,
    publicEndpoint: undefined,
  });
  const names = `${prefix === '' ? '' : `${prefix}/`}checkpoint-`;
  const asked = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw bucketTrouble(bucket, error);
    });
  try {
    await asked(expectObjectLock(s3));
  } catch (error) {
    s3.close();
    throw error;
  }
  return {
    newest: async () =>
      (await asked(firstVersions(s3, names))).map((text) => noteIn(`The bucket ${bucket}`, text)),
    keep: (size, line) =>
      asked(keepLocked(s3, `${names}${nameOf(size)}.json`, line, { mode, retainDays })),
    close: () => s3.close(),
  };
}

function bucketTrouble(bucket: string, error: unknown): unknown {
  if (!(error instanceof StoreUnavailable)) return error;
  const { cause, message } = error;
  const reason = cause instanceof Error ? cause.message : message;
  return new Unanswered(`The bucket ${bucket} cannot be used now: ${reason}`, { cause: error });
}

const keepLocked = (
  s3: S3,
  key: string,
  line: string,
  { mode, retainDays }: Pick<BucketOptions, 'mode' | 'retainDays'>,
): Promise<void> => {
  const until = new Date(Date.now() + retainDays * DAY_MS);
  return putLocked(s3, key, Buffer.from(`${line}\n`), { mode, until });
};

const SIZE_DIGITS = 16;

/** Names are listed in their order: the largest log comes first. */
function nameOf(size: number): string {
  const left = 10n ** BigInt(SIZE_DIGITS) - 1n - BigInt(size);
  return `${String(left).padStart(SIZE_DIGITS, '0')}-${size}`;
}
