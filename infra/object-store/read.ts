/** An object's bytes as a stream. */
import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { StoreUnavailable } from '../event-store/port.js';
import { deadlineMs, withinMs, type S3 } from './client.js';
import { isAbsent, statusOf } from './failures.js';

/** A store that sends nothing for so long, while somebody waits for it, is away. */
const SILENCE_MS = 5_000;

/**
 * Undefined when there is no such object; nothing when the range begins behind its end. The stream
 * breaks with `StoreUnavailable` when the store goes away meanwhile.
 */
export async function readObject(
  { client, bucket: Bucket }: S3,
  Key: string,
  range?: { readonly start: number; readonly end: number },
): Promise<Readable | undefined> {
  const Range = range && `bytes=${range.start}-${range.end}`;
  const command = new GetObjectCommand({ Bucket, Key, ...(Range && { Range }) });
  try {
    const { Body } = await withinMs(deadlineMs(), (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    if (!(Body instanceof Readable)) throw new Error(`the S3 store answered ${Key} without a body`);
    return patient(Body);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (range && statusOf(error) === 416) return Readable.from([]);
    throw error;
  }
}

/** The store's silence is measured only while it is waited for: a slow reader is not its fault. */
function patient(body: Readable): Readable {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const stream = new Readable({
    read() {
      const timer = setTimeout(() => {
        body.destroy(new Error(`nothing came for ${SILENCE_MS} ms`));
      }, SILENCE_MS);
      chunks
        .next()
        .then(
          ({ done, value }) => void stream.push(done ? null : value),
          (error: unknown) => void stream.destroy(broken(error)),
        )
        .finally(() => clearTimeout(timer));
    },
    destroy(error, done) {
      body.destroy();
      done(error);
    },
  });
  return stream;
}

const broken = (error: unknown) =>
  new StoreUnavailable('the S3 store went away while it was read from', error);
