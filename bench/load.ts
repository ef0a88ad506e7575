/**
 * The load generator, over undici with one request at a time on each connection.
 *
 * Closed loop: every client sends its next request when it has the answer to the last; for
 * throughput. Open loop: requests are due at fixed times, whoever is slow, and latency counts from
 * when a request was due; for latency. The generator's own lateness is measured beside.
 */
import { Client, type Dispatcher } from 'undici';
import { build, type Histogram } from 'hdr-histogram-js';

export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface LoadOptions {
  readonly url: string;
  readonly clients: number;
  readonly seconds: number;
  /** Ends a closed loop earlier, after so many answers. */
  readonly answersMax?: number;
  /** The n-th request, from 0. */
  readonly next: (n: number) => LoadRequest;
  /** Whether the n-th answer is as it should be; anything else ends the run with an error. */
  readonly accept: (status: number, headers: Dispatcher.ResponseData['headers']) => boolean;
}

interface LoadResult {
  /** Answers within the time, per second. */
  readonly perSecond: number;
  /** All answers, also those that came after the time was over. */
  readonly answers: number;
  /** Of answers, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface OpenLoadResult extends LoadResult {
  /** How late the generator sent, in milliseconds at the 99th percentile. */
  readonly lagP99Ms: number;
  /** When the first request was due, as performance.now() has it. */
  readonly beganMs: number;
}

export async function closedLoop(options: LoadOptions): Promise<LoadResult> {
  const { url, clients, seconds, answersMax = Infinity, next, accept } = options;
  const connections = await connect(url, clients);
  const latency = newHistogram();
  let sent = 0;
  let inTime = 0;
  const began = performance.now();
  const deadline = began + seconds * 1000;

  async function user(connection: Client): Promise<void> {
    for (let now = performance.now(); now < deadline && sent < answersMax;) {
      await ask(connection, next(sent++), accept);
      const answered = performance.now();
      latency.recordValue(microseconds(answered - now));
      if (answered <= deadline) inTime++;
      now = answered;
    }
  }

  let elapsedMs: number;
  try {
    await Promise.all(connections.map(user));
    elapsedMs = Math.min(performance.now(), deadline) - began;
  } finally {
    await disconnect(connections);
  }
  return { perSecond: (inTime * 1000) / elapsedMs, answers: sent, ...percentiles(latency) };
}

interface OpenLoadOptions extends LoadOptions {
  readonly perSecond: number;
  /** Told of requests that failed or were not answered as they should be; then the run goes on. */
  readonly failed?: (error: Error) => void;
}

export async function openLoop(options: OpenLoadOptions): Promise<OpenLoadResult> {
  const { url, clients, seconds, perSecond, next, accept, failed } = options;
  const connections = await connect(url, clients);
  const latency = newHistogram();
  const lag = newHistogram();
  const total = Math.floor(perSecond * seconds);
  const free = [...connections];
  const asking = new Set<Promise<void>>();
  let due = 0;
  let inTime = 0;
  let failure: Error | undefined;
  const began = performance.now();
  const deadline = began + seconds * 1000;
  const dueAt = (n: number): number => began + (n * 1000) / perSecond;

  async function send(connection: Client, n: number): Promise<void> {
    await ask(connection, next(n), accept).catch((error: Error) => {
      if (!failed) throw error;
      failed(error);
    });
    const answered = performance.now();
    latency.recordValue(microseconds(answered - dueAt(n)));
    if (answered <= deadline) inTime++;
    free.push(connection);
    sendDue();
  }

  /** What is due and finds no free connection waits, and its wait is latency. */
  function sendDue(): void {
    while (due < total && failure === undefined && performance.now() >= dueAt(due)) {
      const connection = free.pop();
      if (!connection) return;
      const n = due++;
      lag.recordValue(microseconds(performance.now() - dueAt(n)));
      const asked: Promise<void> = send(connection, n)
        .catch((error: Error) => void (failure ??= error))
        .finally(() => asking.delete(asked));
      asking.add(asked);
    }
  }

  while (due < total && failure === undefined) {
    sendDue();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(asking);
  await disconnect(connections);
  if (failure !== undefined) throw failure;
  const lagP99Ms = lag.getValueAtPercentile(99) / 1000;
  return {
    perSecond: inTime / seconds,
    answers: total,
    ...percentiles(latency),
    lagP99Ms,
    beganMs: began,
  };
}

const TICK_MS = 1;
const ORIGIN_HEADERS_TIMEOUT_MS = 30_000;

/** Connections are made before the clock starts: a GET that nobody answers opens each of them. */
async function connect(url: string, count: number): Promise<Client[]> {
  const origin = new URL(url).origin;
  const clients = Array.from({ length: count }, () => {
    const timeouts = { headersTimeout: ORIGIN_HEADERS_TIMEOUT_MS, bodyTimeout: 30_000 };
    return new Client(origin, { pipelining: 1, keepAliveTimeout: 60_000, ...timeouts });
  });
  const hello: LoadRequest = { method: 'GET', path: '/healthz', headers: {} };
  await Promise.all(clients.map((client) => ask(client, hello, () => true)));
  return clients;
}

/** Nothing is under way any more, unless the run has failed. */
async function disconnect(clients: readonly Client[]): Promise<void> {
  await Promise.all(clients.map((client) => client.destroy()));
}

/** Below undici's own request(): no stream is made of a body that nobody reads. */
function ask(client: Client, request: LoadRequest, accept: LoadOptions['accept']): Promise<void> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body = null } = request;
    let fine = true;
    let status = 0;
    const read: Buffer[] = [];
    client.dispatch(
      { method, path, headers, body },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode, responseHeaders) {
          status = statusCode;
          fine = accept(statusCode, responseHeaders);
        },
        onResponseData(_controller, chunk) {
          if (!fine) read.push(chunk);
        },
        onResponseEnd() {
          if (fine) return resolve();
          const text = Buffer.concat(read).toString().slice(0, 500);
          reject(new Error(`${method} ${path} was answered with ${status}: ${text}`));
        },
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

const newHistogram = (): Histogram =>
  build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
  });

const microseconds = (ms: number): number => Math.max(1, Math.round(ms * 1000));

const percentiles = (latency: Histogram) => ({
  p50Ms: latency.getValueAtPercentile(50) / 1000,
  p99Ms: latency.getValueAtPercentile(99) / 1000,
});
