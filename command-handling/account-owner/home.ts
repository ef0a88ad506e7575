/** This process as the home of one contested account: takes its mail while there is some. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HomeSession } from './home-connections.js';

interface HomeOptions {
  readonly session: HomeSession;
  readonly onMail: (channel: string, id: string, tickets: string) => void;
  readonly onError: (error: unknown) => void;
}

export interface Home {
  /** There is mail. */
  wake(): void;
  /** This process writes to the account as well. */
  isUsed(): void;
  /** It looks for mail so often that nobody need wake it, and will for a while. */
  readonly isAwake: boolean;
  /** True when it was given up because nobody else, or only one other, writes any more. */
  readonly ended: Promise<boolean>;
  close(): Promise<void>;
}

/** Also finds mail whose wake was lost, and keeps the session from being taken for dead. */
const POLL_MS = 150;
const QUIET_MS = 1_000;

/**
 * Waking costs more than looking where much mail comes: each wake reaches all who listen to the
 * database. So many letters in about a tenth of a second keep a home awake.
 */
const BUSY_LETTERS = 8;
const BUSY_MS = 100;
const AWAKE_MS = 60;
const AWAKE_POLL_MS = 3;

const HERE = '';

export function openHome({ session, onMail, onError }: HomeOptions): Home {
  const usedAt = new Map<string, number>();
  let rest = new AbortController();
  let isClosed = false;
  let awakeUntil = -Infinity;
  /** Letters of late; they count for less as time goes by. */
  let letters = 0;
  let countedAt = performance.now();

  function count(more: number): void {
    const now = performance.now();
    letters = letters * Math.exp((countedAt - now) / BUSY_MS) + more;
    countedAt = now;
    if (letters >= BUSY_LETTERS) awakeUntil = now + AWAKE_MS;
  }

  async function serve(): Promise<boolean> {
    let sharedAt = performance.now();
    while (!isClosed && performance.now() - sharedAt < QUIET_MS) {
      // Whoever wakes from here on is heard at the next pause.
      rest = new AbortController();
      const mail = await session.take();
      count(mail.length);
      for (const { id, channel, tickets } of mail) {
        usedAt.set(channel, performance.now());
        onMail(channel, id, tickets);
      }
      const now = performance.now();
      for (const [who, at] of usedAt) if (now - at > QUIET_MS) usedAt.delete(who);
      if (usedAt.size > 1) sharedAt = now;
      const pauseMs = now < awakeUntil ? AWAKE_POLL_MS : POLL_MS;
      await sleep(pauseMs, undefined, { signal: rest.signal }).catch(() => undefined);
    }
    await session.end();
    return !isClosed;
  }

  const ended = serve().catch((error: unknown) => {
    session.abandon();
    onError(error);
    return false;
  });
  const wake = () => rest.abort();
  return {
    wake,
    isUsed: () => void usedAt.set(HERE, performance.now()),
    get isAwake() {
      return performance.now() < awakeUntil;
    },
    ended,
    async close() {
      isClosed = true;
      wake();
      await ended;
    },
  };
}
