/** Makes idle connections of the Kafka client as cheap as they should be. */
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  readonly inflight: ReadonlyMap<number, Inflight>;
  requestTimeoutIntervalId: NodeJS.Timeout | null;
  isConnected(): boolean;
  destroy(): void;
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
  scheduleRequestTimeoutCheck: (this: RequestQueue) => void;
}

interface Inflight {
  readonly sentAt: number;
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

/** A time-out of seconds needs no check ten times a second. */
const TIMEOUT_CHECK_MS = 500;

/**
 * The library's request queue looks for pending requests also when there are none, each millisecond
 * (and with a warning per timer in Node 24); a request that waits schedules the look itself. Every
 * connection looks for late answers ten times a second. Together 3 % of a core in an idle process.
 */
export function quietenIdleTimers(): void {
  if (isQuiet) return;
  isQuiet = true;
  const require: (path: string) => unknown = createRequire(import.meta.url);
  const module = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  const { prototype } = module;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
  prototype.scheduleRequestTimeoutCheck = function (this: RequestQueue) {
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => {
      for (const request of this.inflight.values())
        if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest();
      if (!this.isConnected()) this.destroy();
    }, TIMEOUT_CHECK_MS);
  };
}

let isQuiet = false;
