/**
 * The jobs of the personalities that host other people's models: vega speaks Replicate's
 * predictions, lyra fal's queue. A model whose name has `image` paints, one with `text` writes in
 * pieces, `whisper` transcribes, `embed` makes vectors, any other makes a video.
 *
 * A job's end is called back, as often, as late and as badly signed as the behaviour says, and
 * again a few times where nobody takes it. What was sent is shown at `GET /_sandbox/callbacks`.
 */
import { createHmac, createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { type Behaviour } from './behaviour.js';
import { type Personality } from './personalities.js';

export interface HostedJob {
  readonly id: string;
  readonly personality: Personality;
  readonly model: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly createdMs: number;
  readonly doneMs: number;
  readonly ends: Behaviour['jobsEnd'] | 'moderated';
  /** Addresses, or pieces of a text. */
  readonly output: readonly string[];
  /** In their place, where it is neither: what was heard, or vectors. */
  readonly made?: unknown;
  readonly callbackUrl: string | undefined;
  isCancelled: boolean;
}

export type HostedStatus = 'waits' | 'runs' | 'succeeded' | 'failed' | 'moderated' | 'cancelled';

export interface SentCallback {
  readonly time: string;
  readonly personality: string;
  readonly jobId: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What it was answered; null: nobody was reached. */
  readonly status: number | null;
}

export interface Hosting {
  make(job: HostedJob): HostedJob;
  find(id: string): HostedJob | undefined;
  /** A job that is over stays as it is; false for one. */
  cancel(job: HostedJob, nowMs: number): boolean;
  readonly sent: readonly SentCallback[];
  /** As `GET /v1/webhooks/default/secret` tells it. */
  readonly secret: string;
  /** As `/.well-known/jwks.json` tells them. */
  readonly keys: object;
}

const JOBS_MAX = 10_000;
const SENT_MAX = 1_000;
const TRIES_MAX = 5;
const TRY_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 250;

export function statusOf(job: HostedJob, nowMs: number): HostedStatus {
  if (job.isCancelled) return 'cancelled';
  const { createdMs, doneMs, ends } = job;
  if (nowMs < createdMs + (doneMs - createdMs) / 4) return 'waits';
  return nowMs < doneMs || ends === 'never' ? 'runs' : ends;
}

interface HostingOptions {
  readonly behaviourOf: (personality: string) => Behaviour;
  /** The body that tells a job's state to its callback URL. */
  readonly bodyOf: (job: HostedJob, nowMs: number) => object;
  readonly isClosed: () => boolean;
}

export function openHosting({ behaviourOf, bodyOf, isClosed }: HostingOptions): Hosting {
  const jobs = new Map<string, HostedJob>();
  const sent: SentCallback[] = [];
  const signer = openSigner();

  const send = async (job: HostedJob, url: string, atMs: number) => {
    const body = JSON.stringify(bodyOf(job, atMs));
    const isGood = behaviourOf(job.personality.name).callbackSignature === 'good';
    for (let tries = 1; tries <= TRIES_MAX && !isClosed(); tries++) {
      const headers = { 'content-type': 'application/json', ...signer.signed(job, body, isGood) };
      const status = await post(url, headers, body);
      const { id: jobId, personality } = job;
      const time = new Date().toISOString();
      sent.push({ time, personality: personality.name, jobId, url, headers, body, status });
      if (sent.length > SENT_MAX) sent.shift();
      if (status !== null && (status < 300 || status === 404)) return;
      await later(FIRST_PAUSE_MS * 2 ** tries);
    }
  };

  const tell = async (job: HostedJob) => {
    const { callbackUrl: url } = job;
    const behaviour = behaviourOf(job.personality.name);
    if (url === undefined) return;
    await later(behaviour.callbackDelayMs);
    for (let times = 0; times < behaviour.callbackTimes; times++) await send(job, url, Date.now());
    // As if it had been on its way since the job was running.
    if (behaviour.callbacksDisordered) await send(job, url, job.doneMs - 1);
  };

  return {
    sent,
    secret: signer.secret,
    keys: signer.keys,
    find: (id) => jobs.get(id),
    make(job) {
      jobs.set(job.id, job);
      for (const oldest of jobs.keys()) {
        if (jobs.size <= JOBS_MAX) break;
        jobs.delete(oldest);
      }
      const whenDone = () => {
        if (!job.isCancelled && !isClosed()) void tell(job);
      };
      if (job.ends !== 'never') setTimeout(whenDone, job.doneMs - Date.now()).unref();
      return job;
    },
    cancel(job, nowMs) {
      const status = statusOf(job, nowMs);
      if (status !== 'waits' && status !== 'runs') return false;
      job.isCancelled = true;
      void tell(job);
      return true;
    },
  };
}

/** Signs as Replicate and as fal do, with keys of this sandbox alone. */
function openSigner() {
  const secret = createHash('sha256').update(randomUUID()).digest();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    secret: `whsec_${secret.toString('base64')}`,
    keys: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: '1' }] },
    signed({ id: jobId, personality }: HostedJob, body: string, isGood: boolean) {
      const at = String(Math.floor(Date.now() / 1000));
      const text = isGood ? body : `${body} `;
      if (personality.speaks === 'replicate') {
        const id = `msg_${randomUUID()}`;
        const code = createHmac('sha256', secret).update(`${id}.${at}.${text}`);
        const signature = `v1,${code.digest('base64')}`;
        return { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature };
      }
      const digest = createHash('sha256').update(text).digest('hex');
      const lines = [jobId, 'user_sandbox', at, digest].join('\n');
      return {
        'x-fal-webhook-request-id': jobId,
        'x-fal-webhook-user-id': 'user_sandbox',
        'x-fal-webhook-timestamp': at,
        'x-fal-webhook-signature': sign(null, Buffer.from(lines), privateKey).toString('hex'),
      };
    },
  };
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<number | null> {
  try {
    const signal = AbortSignal.timeout(TRY_TIMEOUT_MS);
    const response = await fetch(url, { method: 'POST', headers, body, signal });
    await response.body?.cancel();
    return response.status;
  } catch {
    // Nobody is there: that is what the record says, and it is tried again.
    return null;
  }
}

const later = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms).unref());
