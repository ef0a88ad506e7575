/**
 * Appends to streams, many at once, each until its outcome is known or its deadline has come.
 *
 * A server may be silent for a second and answer then: an append stays open until its deadline, and
 * a late answer counts. It is sent again only when its line broke, or when the server says that it
 * gave up; with the same ids at the same revision, so that it lands once. A server drops a
 * repetition without a word while the first is written and not yet in its index. So the stream is
 * asked what became of a repetition, and of every append before it is called unavailable.
 *
 *   send ──landed──► appended
 *    │ ▲  unknown, while time is left
 *    │ └────────┐
 *    ├──elsewhere──► the stream: our ids there? ──► appended, or conflict
 *    ├──unanswered──► the stream, again and again: our ids there? ──► appended
 *    └──no time left──► StoreUnavailable
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { InvalidEvent, type StoreLog } from '../codec.js';
import { StoreUnavailable, type AppendOutcome } from '../port.js';
import type { EncodedAppend } from '../unit.js';
import { countedBytes } from './append-message.js';
import { createAppendLookup, lastRevision, type AppendLookup } from './append-lookup.js';
import type { AppendAnswer, LogClient } from './log-client.js';
import type { SentEvents } from './sent-events.js';
import { createSemaphore } from '../../concurrency/semaphore.js';

interface AppenderOptions {
  readonly client: LogClient;
  readonly sent: SentEvents;
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

const RETRY_PAUSE_MS = 50;

/** With less time left an append would only be begun to be given up. */
const TRY_MS_MIN = 20;

/**
 *   sent ────────────────────────────── 350 ms before the deadline ──► the stream is asked
 *   sent again ── 200 ms without an answer ──► asked ── 200 ms ──► asked … until the deadline
 */
const LAST_LOOK_MS = 350;
const LOOK_EVERY_MS = 200;

const TOO_LATE = 'the append waited too long to be tried';

export function createAppender({ client, sent, log }: AppenderOptions): Appender {
  const permits = createSemaphore(IN_FLIGHT_MAX, IN_FLIGHT_BYTES_MAX);
  const lookup = createAppendLookup(client);
  const stats = { appends: 0, retries: 0 };
  let away = false;

  /** Once for each outage, and once for its end. */
  function report(outage: string | undefined): void {
    if (outage !== undefined && !away) log.warn({ error: outage }, 'the event store is away');
    if (outage === undefined && away) log.warn({}, 'the event store is back');
    away = outage !== undefined;
  }

  async function land(append: EncodedAppend, deadline: number): Promise<AppendOutcome> {
    let reason = TOO_LATE;
    for (let tries = 0; ; tries++) {
      const leftMs = deadline - performance.now();
      if (leftMs < TRY_MS_MIN) throw new StoreUnavailable(reason);
      const sent = client.append(append, leftMs);
      const lookAt = performance.now() + (tries === 0 ? leftMs - LAST_LOOK_MS : LOOK_EVERY_MS);
      const answer = await answerOrFound(lookup, sent, append, { lookAt, deadline });
      if ('status' in answer) {
        report(undefined);
        return answer;
      }
      switch (answer.kind) {
        case 'refused':
          throw new InvalidEvent(`${append.stream}: the event store refuses: ${answer.reason}`);
        case 'elsewhere':
          return lookup.outcome(append, answer.actualRevision, deadline);
        case 'landed': {
          report(undefined);
          const { revision, position } = answer;
          if (tries === 0 && revision === lastRevision(append) && position !== undefined)
            return { status: 'appended', revision, position };
          return lookup.outcome(append, lastRevision(append), deadline);
        }
        case 'unknown':
          report((reason = answer.reason));
      }
      stats.retries++;
      if (deadline - performance.now() > RETRY_PAUSE_MS + TRY_MS_MIN) await pause(RETRY_PAUSE_MS);
    }
  }

  return {
    async append(append, deadline) {
      const bytes = countedBytes(append);
      const mayGo = permits.acquire(bytes, deadline - TRY_MS_MIN);
      if (mayGo !== true && !(await mayGo)) throw new StoreUnavailable(TOO_LATE);
      stats.appends++;
      sent.add(append);
      try {
        return await land(append, deadline);
      } finally {
        permits.release(bytes);
      }
    },
    get stats() {
      return { ...stats, lookups: lookup.count, inFlight: permits.inFlight };
    },
  };
}

interface LookTimes {
  /** When the stream is asked first. */
  readonly lookAt: number;
  readonly deadline: number;
}

/** The server's answer, or what the stream says while there is none. */
function answerOrFound(
  lookup: AppendLookup,
  sent: Promise<AppendAnswer>,
  append: EncodedAppend,
  { lookAt, deadline }: LookTimes,
): Promise<AppendAnswer | AppendOutcome> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    let timer: NodeJS.Timeout | undefined;
    const look = async () => {
      const found = await lookup.find(append, deadline);
      if (isAnswered) return;
      if (found) resolve(found);
      else timer = setTimeout(() => void look(), LOOK_EVERY_MS);
    };
    timer = setTimeout(() => void look(), lookAt - performance.now());
    sent.then((answer) => {
      isAnswered = true;
      clearTimeout(timer);
      resolve(answer);
    }, reject);
  });
}
