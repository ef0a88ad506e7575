/**
 * One endless subscription to the log, begun again behind what it brought, whatever ended it: a
 * restart of the server, a new leader, a server that dropped us.
 */
import { createSignal } from '../../concurrency/signal.js';
import type { LogRow, StoreLog } from '../codec.js';
import type { Position } from '../port.js';
import type { Call, LogClient } from './log-client.js';

interface PursuitOptions {
  readonly client: LogClient;
  readonly log: StoreLog;
  /** Whether to go on. */
  readonly wanted: () => boolean;
  /** Behind what to go on. */
  readonly after: () => Promise<Position>;
  readonly row: (row: LogRow) => void;
  /** From now on it tells what is appended, as it is appended. */
  readonly live: () => void;
  readonly stopped: () => void;
}

interface Pursuit {
  /** Begins, if it does not go on already. */
  start(): void;
  /** Notices that it is not wanted any more. */
  look(): void;
  readonly live: boolean;
  /** How many subscriptions were begun. */
  readonly subscriptions: number;
}

const OUTAGE_PAUSE_MS = 250;

export function createPursuit(options: PursuitOptions): Pursuit {
  const { client, log, wanted, after, stopped } = options;
  const changed = createSignal();
  let running = false;
  let live = false;
  let subscriptions = 0;
  let call: Call | undefined;
  let dismissed = false;

  function becomeLive(): void {
    if (live) return;
    live = true;
    options.live();
  }

  /** Until it ends; answers why. */
  async function subscribe(heard: () => void): Promise<string> {
    const from = await after();
    if (dismissed) return 'nobody follows';
    subscriptions++;
    const row = (told: LogRow) => {
      heard();
      options.row(told);
      becomeLive();
    };
    call = client.follow(from, {}, { row, checkpoint: becomeLive, caughtUp: becomeLive });
    const ending = await call.ended;
    call = undefined;
    live = false;
    return ending.kind === 'done' ? 'the subscription ended' : ending.reason;
  }

  async function run(): Promise<void> {
    let away = false;
    while (wanted()) {
      dismissed = false;
      const reason = await subscribe(() => (away = false)).catch(String);
      if (dismissed) continue;
      if (!away) log.warn({ error: reason }, 'the log cannot be followed for now');
      away = true;
      await changed.wait(OUTAGE_PAUSE_MS);
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
    look() {
      if (wanted()) return;
      dismissed = true;
      call?.cancel();
      changed.notify();
    },
    get live() {
      return live;
    },
    get subscriptions() {
      return subscriptions;
    },
  };
}
