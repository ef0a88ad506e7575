/**
 * Appends to streams, many at once, each until its outcome is known or its deadline has come.
 *
 * What is not answered is unknown, and sent again with the same ids at the same revision: the
 * server, as long as it remembers the ids, answers as the first time. When it does not (after a
 * restart, or long after), the append looks like a conflict; then the ids in the stream decide.
 *
 *   send ──landed──► appended
 *    │ ▲  unknown, while time is left
 *    │ └────────┐
 *    ├──elsewhere──► the stream: our ids there? ──► appended, or conflict
 *    └──no time left──► StoreUnavailable
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { InvalidEvent, type StoreLog } from '../codec.js';
import { StoreUnavailable, type AppendOutcome } from '../port.js';
import type { EncodedAppend } from '../unit.js';
import { countedBytes } from './append-message.js';
import type { LogClient } from './log-client.js';
import { createSemaphore } from '../../concurrency/semaphore.js';
import type { LogReader } from '../log-reader.js';

interface AppenderOptions {
  readonly client: LogClient;
  readonly reader: LogReader;
  readonly log: StoreLog;
}

export interface Appender {
  append(append: EncodedAppend, deadline: number): Promise<AppendOutcome>;
  readonly stats: AppenderStats;
}

export interface AppenderStats {
  readonly appends: number;
  readonly retries: number;
  /** Outcomes that were looked up in the stream. */
  readonly lookups: number;
  readonly inFlight: number;
}

/** More would wait in the server instead of here. */
const IN_FLIGHT_MAX = 1024;
const IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024;

/** An answer takes milliseconds; with half of the time gone it is worth asking again. */
const FIRST_TRY_MS = 900;
const RETRY_PAUSE_MS = 50;

/** With less time left an append would only be begun to be given up. */
const TRY_MS_MIN = 20;

const TOO_LATE = 'the append waited too long to be tried';

export function createAppender({ client, reader, log }: AppenderOptions): Appender {
  const permits = createSemaphore(IN_FLIGHT_MAX, IN_FLIGHT_BYTES_MAX);
  const stats = { appends: 0, retries: 0, lookups: 0 };
  let away = false;

  /** Once for each outage, and once for its end. */
  function report(outage: string | undefined): void {
    if (outage !== undefined && !away) log.warn({ error: outage }, 'the event store is away');
    if (outage === undefined && away) log.warn({}, 'the event store is back');
    away = outage !== undefined;
  }

  function lookUp(append: EncodedAppend, head: number): Promise<AppendOutcome> {
    stats.lookups++;
    return existing(reader, append, head);
  }

  async function land(append: EncodedAppend, deadline: number): Promise<AppendOutcome> {
    let tryMs = FIRST_TRY_MS;
    let reason = TOO_LATE;
    for (let tries = 0; ; tries++) {
      const leftMs = deadline - performance.now();
      if (leftMs < TRY_MS_MIN) throw new StoreUnavailable(reason);
      const answer = await client.append(append, Math.min(tryMs, leftMs));
      switch (answer.kind) {
        case 'refused':
          throw new InvalidEvent(`${append.stream}: the event store refuses: ${answer.reason}`);
        case 'elsewhere':
          return lookUp(append, answer.actualRevision);
        case 'landed': {
          report(undefined);
          const { revision, position } = answer;
          if (tries === 0 && revision === lastRevision(append) && position !== undefined)
            return { status: 'appended', revision, position };
          return lookUp(append, lastRevision(append));
        }
        case 'unknown':
          report((reason = answer.reason));
      }
      stats.retries++;
      tryMs = deadline - performance.now();
      if (tryMs > RETRY_PAUSE_MS + TRY_MS_MIN) await pause(RETRY_PAUSE_MS);
    }
  }

  return {
    async append(append, deadline) {
      const bytes = countedBytes(append);
      const mayGo = permits.acquire(bytes, deadline - TRY_MS_MIN);
      if (mayGo !== true && !(await mayGo)) throw new StoreUnavailable(TOO_LATE);
      stats.appends++;
      try {
        return await land(append, deadline);
      } finally {
        permits.release(bytes);
      }
    },
    get stats() {
      return { ...stats, inFlight: permits.inFlight };
    },
  };
}

/** What the stream says became of an append, whose last revision is `head` or less. */
async function existing(
  reader: LogReader,
  append: EncodedAppend,
  head: number,
): Promise<AppendOutcome> {
  const { stream, expectedRevision, events } = append;
  const conflict = { status: 'conflict', actualRevision: head } as const;
  if (head < lastRevision(append)) return conflict;
  const fromRevision = expectedRevision + 1;
  // A lost race shows in the first event; only a repeat is compared to its end.
  for (const limit of new Set([1, events.length])) {
    const rows = await reader.stream(stream, { fromRevision, limit });
    if (rows.length !== limit || rows.some(({ id }, n) => id !== events[n]?.id)) return conflict;
    const last = rows.at(-1);
    if (last && limit === events.length)
      return { status: 'appended', revision: last.revision, position: last.position };
  }
  return conflict;
}

const lastRevision = ({ expectedRevision, events }: EncodedAppend): number =>
  expectedRevision + events.length;
