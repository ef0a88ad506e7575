/**
 * Ends requests whose bodies do not arrive in time. Node has one bound for all requests of a
 * server, which must leave time for the largest upload; every other body is bounded here.
 */
import type { IncomingMessage } from 'node:http';
import { refuseMalformed } from './client-error.js';

export interface LateBodies {
  /** How long a body may take, or a streamed one may pause. */
  readonly bodyMs: number;
  /** The body is to be there soon from now on. */
  expect(incoming: IncomingMessage): void;
  /** It is there, or nobody waits for it any more. */
  forget(incoming: IncomingMessage): void;
  close(): void;
}

const BODY_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

export function openLateBodies(bodyMs = BODY_MS): LateBodies {
  /** With the moment, of the monotonic clock, until which it may take; the earliest first. */
  const expected = new Map<IncomingMessage, number>();
  const looking = setInterval(() => {
    const nowMs = performance.now();
    for (const [incoming, dueMs] of expected) {
      if (dueMs > nowMs) return;
      expected.delete(incoming);
      if (!incoming.complete) refuseMalformed(tooLate(), incoming.socket);
    }
  }, LOOK_EVERY_MS).unref();
  return {
    bodyMs,
    expect: (incoming) => void expected.set(incoming, performance.now() + bodyMs),
    forget: (incoming) => void expected.delete(incoming),
    close: () => clearInterval(looking),
  };
}

const tooLate = (): NodeJS.ErrnoException =>
  Object.assign(new Error('the request took too long to arrive'), {
    code: 'ERR_HTTP_REQUEST_TIMEOUT',
  });
