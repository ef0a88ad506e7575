/**
 * One bucket of an S3-compatible store. Everything asked of it has a deadline, and whatever means
 * that it cannot be used now is a `StoreUnavailable`: callers answer 503 or try again, as they do
 * for a database that is away.
 */
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  S3Client,
  type GetObjectCommandInput,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { silenceSdkNotice } from '../config/aws-sdk-notice.js';
import type { S3Config } from '../config/config.js';
import { StoreUnavailable } from '../event-store/port.js';
import { StartError } from '../start-error.js';
import { isAbsent, statusOf, unavailable } from './failures.js';
import { signedPostForm, type PostBounds, type PostForm } from './post-form.js';

export interface S3 {
  readonly client: S3Client;
  readonly bucket: string;
  /** Says where to fetch an object without us for a while; undefined without a public endpoint. */
  readonly sign:
    | ((input: Omit<GetObjectCommandInput, 'Bucket'>, lifeSeconds: number) => Promise<string>)
    | undefined;
  /** A form by which callers post one object without us; undefined without a public endpoint. */
  readonly postForm: ((bounds: PostBounds) => Promise<PostForm>) | undefined;
  /** Throws when the bucket does not answer. */
  check(): Promise<void>;
  close(): void;
}

/** Shorter than the second within which `/readyz` wants its answer. */
const CHECK_MS = 900;
/** For whatever moves no bytes, its repeats included: callers wait for it. */
const CONTROL_MS = 1_800;
/** The slowest line that still counts as one: 8 MB take it 16 s. */
const BYTES_PER_MS_MIN = 500;
const CONNECT_MS = 1_000;
const ATTEMPTS_MAX = 3;
/** An idle connection is closed soon, so that no request meets one that fell silent long ago. */
const SOCKETS = { keepAlive: true, maxSockets: 50, timeout: 3_000 };
const OPEN_MS = 5_000;

/** Makes a bucket that is not there. Throws `StartError` when store or bucket cannot be used. */
export async function openS3(config: S3Config): Promise<S3> {
  const s3 = openBucket(config);
  try {
    await ensureBucket(s3.client, config);
  } catch (error) {
    s3.close();
    throw error;
  }
  return s3;
}

/** Asks nothing of the store yet, and makes nothing there. */
export function openBucket(config: S3Config): S3 {
  silenceSdkNotice();
  const { bucket, publicEndpoint } = config;
  const client = clientFor(config, config.endpoint);
  const signer = publicEndpoint === undefined ? undefined : clientFor(config, publicEndpoint);
  return {
    client,
    bucket,
    sign: signer && ((input, expiresIn) => signed(signer, { ...input, Bucket: bucket }, expiresIn)),
    postForm: signer && ((bounds) => signedPostForm(signer, bucket, bounds)),
    check: async () => {
      const command = new HeadBucketCommand({ Bucket: bucket });
      await withinMs(CHECK_MS, (abortSignal) => client.send(command, { abortSignal }));
    },
    close: () => {
      client.destroy();
      signer?.destroy();
    },
  };
}

/** Time enough for a request with a body of so many bytes, its repeats included. */
export const deadlineMs = (bytes = 0): number => CONTROL_MS + bytes / BYTES_PER_MS_MIN;

/** Throws `StoreUnavailable` when the store is away or silent, else what it refused with. */
export async function withinMs<T>(
  ms: number,
  ask: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  // The signal must not outlive the answer, whose body may be read for longer.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  try {
    return await ask(late.signal);
  } catch (error) {
    throw unavailable(error) ?? error;
  } finally {
    clearTimeout(timer);
  }
}

function clientFor({ region, credentials }: S3Config, endpoint: string): S3Client {
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    maxAttempts: ATTEMPTS_MAX,
    ...(credentials && { credentials }),
    // Else a presigned request would carry the checksum of a body that nobody has seen.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Asking for leave first would cost a connection of its own for every part.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: 0,
      logger: silent,
      httpAgent: SOCKETS,
      httpsAgent: SOCKETS,
    },
  });
}

/** It would write to the console when requests wait for a socket; callers have their deadline. */
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

async function signed(
  client: S3Client,
  input: GetObjectCommandInput,
  expiresIn: number,
): Promise<string> {
  try {
    return await getSignedUrl(client, new GetObjectCommand(input), { expiresIn });
  } catch (error) {
    throw unavailable(error) ?? error;
  }
}

async function ensureBucket(client: S3Client, config: S3Config): Promise<void> {
  const bucket = { Bucket: config.bucket };
  const see = () =>
    withinMs(OPEN_MS, (abortSignal) => client.send(new HeadBucketCommand(bucket), { abortSignal }));
  const make = () =>
    withinMs(OPEN_MS, (abortSignal) =>
      client.send(new CreateBucketCommand(bucket), { abortSignal }),
    );
  try {
    await see().catch(async (error: unknown) => {
      if (!isAbsent(error)) throw error;
      await make().catch((refusal: unknown) => {
        if (statusOf(refusal) !== 409) throw refusal;
        return see(); // Another process of ours may have been faster.
      });
    });
  } catch (error) {
    throw startError(error, config);
  }
}

/** Why the bucket cannot be used, for the operator. */
function startError(error: unknown, { endpoint, bucket, region }: S3Config): StartError {
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  const status = statusOf(cause);
  const startError = (what: string) =>
    new StartError(`The S3 store ${endpoint} ${what}.`, { cause });
  const reason = reasonOf(cause);
  if (status !== undefined && status < 500)
    return startError(
      `does not give us the bucket ${bucket} in ${region} (${reason}): check S3_BUCKET, ` +
        'S3_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or make the bucket',
    );
  return startError(`cannot be used (${reason}): check S3_ENDPOINT and that the server runs`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const [said] = error.message.split('\n');
  if (error.name === 'AbortError') return 'no answer in time';
  // An answer to HEAD has no body that could say more than its status.
  const isSaid = said !== undefined && said !== '' && said !== 'UnknownError';
  return isSaid ? said.replace(/\.$/, '') : code || `${statusOf(error) ?? error.name}`;
}
