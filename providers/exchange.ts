/**
 * One POST and its answer, as a value. What matters most is on which side of the send it ended:
 *
 *   dispatch ──► connecting, waiting for a connection ──► on the wire ──► status ──► whole body
 *                └──────────── unsent ─────────────┘     └── lost ──┘     └── answered ──────┘
 *
 * One deadline covers all of it, so headers that never end, a byte a second and an endless body
 * are all cut at the same moment. Redirects are not followed, nothing is decompressed, and no more
 * than `bytesMax` of the answer is kept. Nothing is ever sent a second time.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Endpoint } from './endpoints.js';

interface Sending {
  /** Below the endpoint's base path. */
  readonly path: string;
  /** Name, value, name, value … */
  readonly headers: string[];
  readonly body: string;
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

export type Ended =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Buffer;
      /** Why the body is not whole; absent when it is. */
      readonly cut?: string;
    }
  /** Nothing left this machine but, at most, a connection attempt. */
  | { readonly kind: 'unsent'; readonly cause: UnsentCause; readonly detail: string }
  /** It may have been read in full, and nobody knows what came of it. */
  | { readonly kind: 'lost'; readonly detail: string };

export type UnsentCause = 'called_off' | 'timed_out' | 'no_connection';

/** Of an answer that is an error, so much is read for its code; the rest is not waited for. */
const ERROR_BYTES_MAX = 64 * 1024;

export function exchange(endpoint: Endpoint, sending: Sending): Promise<Ended> {
  return new Promise((resolve) => {
    const { signal, timeoutMs } = sending;
    const answer = newAnswer(sending.bytesMax);
    let controller: Dispatcher.DispatchController | undefined;
    let over = false;

    const end = (ended: Ended, abort: boolean) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      leave(place);
      if (abort) controller?.abort(new Error('the exchange is over'));
      resolve(ended);
    };
    const stop = (cause: UnsentCause, detail: string) =>
      end(controller ? answer.brokenOff(detail) : { kind: 'unsent', cause, detail }, true);
    const callOff = () => stop('called_off', 'called off');

    if (signal.aborted)
      return resolve({ kind: 'unsent', cause: 'called_off', detail: 'called off' });
    const timer = setTimeout(() => stop('timed_out', `no end within ${timeoutMs} ms`), timeoutMs);
    const place = join(signal, callOff);

    endpoint.pool.dispatch(
      {
        path: endpoint.basePath + sending.path,
        method: 'POST',
        headers: sending.headers,
        body: sending.body,
      },
      {
        // Called when a connection is there, right before the first byte is written.
        onRequestStart(started) {
          if (over) return started.abort(new Error('the exchange is over'));
          controller = started;
        },
        onResponseStart(_, status, headers) {
          if (status < 200) return;
          const tooLarge = answer.begin(status, headers);
          if (tooLarge !== undefined) end(answer.brokenOff(tooLarge), true);
        },
        onResponseData(_, chunk) {
          const tooLarge = answer.add(chunk);
          if (tooLarge !== undefined) end(answer.brokenOff(tooLarge), true);
        },
        onResponseEnd() {
          end(answer.whole(), false);
        },
        onResponseError(_, error) {
          stop('no_connection', wordFor(error));
        },
      },
    );
  });
}

/** A place in the ring of what is to be called off with one signal. */
interface Place {
  before: Place;
  after: Place;
  readonly callOff: () => void;
}

const rings = new WeakMap<AbortSignal, Place>();

/**
 * One signal may stand over thousands of calls; it is listened to once, not once for each. A ring
 * because a `Set` of closures, as the garbage collector sees it, is a third of a call's whole cost.
 */
function join(signal: AbortSignal, callOff: () => void): Place {
  const ring = rings.get(signal) ?? newRing(signal);
  const place: Place = { before: ring, after: ring.after, callOff };
  ring.after.before = place;
  ring.after = place;
  return place;
}

function leave(place: Place): void {
  place.before.after = place.after;
  place.after.before = place.before;
}

function newRing(signal: AbortSignal): Place {
  const ring = { callOff: () => undefined } as unknown as Place;
  ring.before = ring.after = ring;
  rings.set(signal, ring);
  const callOffAll = () => {
    while (ring.after !== ring) ring.after.callOff();
  };
  signal.addEventListener('abort', callOffAll, { once: true });
  return ring;
}

function newAnswer(bytesMax: number) {
  let status = 0;
  let headers: IncomingHttpHeaders = {};
  let limit = bytesMax;
  let bytes = 0;
  const chunks: Buffer[] = [];
  const body = () => (chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
  const tooLarge = () => (bytes > limit ? `answer larger than ${limit} bytes` : undefined);
  return {
    begin(givenStatus: number, givenHeaders: IncomingHttpHeaders): string | undefined {
      status = givenStatus;
      headers = givenHeaders;
      if (status >= 300) limit = Math.min(limit, ERROR_BYTES_MAX);
      const announced = Number(headers['content-length']);
      return announced > limit ? `answer larger than ${limit} bytes` : undefined;
    },
    add(chunk: Buffer): string | undefined {
      bytes += chunk.length;
      if (bytes <= limit) chunks.push(chunk);
      return tooLarge();
    },
    whole: (): Ended => ({ kind: 'answered', status, headers, body: body() }),
    brokenOff: (cut: string): Ended =>
      status === 0
        ? { kind: 'lost', detail: cut }
        : { kind: 'answered', status, headers, body: body(), cut },
  };
}

/** The error's code, which is from a fixed vocabulary; messages may quote what was sent. */
function wordFor(error: Error): string {
  const { code, cause } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
  const word = cause?.code ?? code ?? error.name;
  return /^[A-Za-z0-9_]{1,40}$/.test(word) ? word : 'connection error';
}
