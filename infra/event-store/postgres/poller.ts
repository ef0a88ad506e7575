/** Looks for what other processes append: often while there is something, rarely while not. */
import { createSignal } from '../../concurrency/signal.js';
import type { StoreLog } from '../codec.js';

interface Polled {
  /** Whether to go on polling. */
  readonly wanted: () => boolean;
  /** `more`: look again at once. */
  readonly poll: () => Promise<'more' | 'some' | 'nothing'>;
  readonly stopped: () => void;
}

interface Poller {
  /** Begins to poll, if it does not already. */
  start(): void;
  /** Looks without waiting, or notices that polling is not wanted any more. */
  now(): void;
  /** The last poll found only what this process appended itself. */
  foundOwn(): void;
  readonly polls: number;
}

/** Other processes' events are seen this late at most; an idle poll is one look at an index. */
const IDLE_MS = 100;
const BUSY_MS = 10;
const GROWTH = 1.5;
const OUTAGE_PAUSE_MS = 250;

export function createPoller(log: StoreLog, { wanted, poll, stopped }: Polled): Poller {
  const changed = createSignal();
  let running = false;
  let polls = 0;
  let waitMs = IDLE_MS;

  async function run(): Promise<void> {
    let away = false;
    while (wanted()) {
      try {
        const found = await poll();
        polls++;
        if (away) log.warn({}, 'the log can be followed again');
        away = false;
        if (found === 'more') continue;
        waitMs = found === 'some' ? BUSY_MS : Math.min(IDLE_MS, waitMs * GROWTH);
      } catch (error) {
        if (!away) log.warn({ error: String(error) }, 'the log cannot be followed for now');
        away = true;
        waitMs = OUTAGE_PAUSE_MS;
      }
      await changed.wait(waitMs);
    }
    running = false;
    stopped();
  }

  return {
    start() {
      if (running) return;
      running = true;
      void run();
    },
    now: changed.notify,
    foundOwn() {
      waitMs = IDLE_MS;
    },
    get polls() {
      return polls;
    },
  };
}
