/**
 * One endless subscription to the log of the server. Whatever ends it (a restart of the server, a
 * new leader, a server that drops a slow reader), the next run begins behind what it brought.
 *
 *   catching up ──caught up──► live ──fell behind──► catching up
 *        └────── no word for a second ──────┘
 *                        │
 *                   a look at the end of the log
 *                    ├─ there is nothing that it has not brought: live
 *                    ├─ there is, and still no word half a second later: a new subscription
 *                    └─ no answer: the log is away
 *
 * A server that ends leaves its subscriptions open, and silent; so does a line that is cut.
 */
import { performance } from 'node:perf_hooks';
import type { LogRow } from '../codec.js';
import type { TailFeed, TailSource } from '../live-tail.js';
import type { Position } from '../port.js';
import type { Call, LogClient, LogHandlers } from './log-client.js';
import type { LogEnd } from './log-end.js';

export interface PushSource extends TailSource {
  readonly stats: {
    /** The server dropped it, for a moment in which it took nothing. */
    readonly drops: number;
    /** It fell silent, and was begun anew. */
    readonly renewals: number;
  };
}

const PULSE_MS = 500;
const SILENT_MS = 1_000;
const LOOK_MS = 1_000;

/** Dropped again sooner, and nothing brought meanwhile: it is the log that cannot be followed. */
const FORGIVEN_MS = 10_000;

/** So many looks in a row that tell nothing: more of others' events than a look goes back. */
const UNTOLD_MAX = 5;

/**
 * Of the server's own events in a row: the feed goes on to where they are, so that a reader that
 * begins there later need not come through them again.
 */
const OTHERS_MAX = 64;
const CHECKPOINTS_MAX = 4;

/** One run of the source. */
interface Following {
  readonly feed: TailFeed;
  /** Everything of ours up to here was given to the feed. */
  reached: Position;
  /** Since the last event of ours. */
  checkpoints: number;
  others: number;
  heardAt: number;
  /** Looks since the last word that found something to wait for, and those that told nothing. */
  missing: number;
  untold: number;
  isOver: boolean;
}

/** `recognised`: a row, with the event that it was made of where this process appended it. */
export function createPushSource(
  client: LogClient,
  end: LogEnd,
  recognised: (row: LogRow) => LogRow,
): PushSource {
  const stats = { drops: 0, renewals: 0 };
  let call: Call | undefined;
  let isStopped = false;
  let droppedAt = -Infinity;

  return {
    stats,
    async run(feed) {
      isStopped = false;
      const after = await feed.head();
      if (isStopped) return 0;
      const following = begun(feed, after);
      let broken: string | undefined;
      const current = client.follow(after, {}, handlersOf(following, end, recognised));
      call = current;
      const pulse = startPulse(following, end, (reason, isRenewal) => {
        broken = reason;
        if (isRenewal) stats.renewals++;
        current.cancel();
      });
      const ending = await current.ended;
      following.isOver = true;
      clearInterval(pulse);
      call = undefined;
      feed.setLive(false);
      if (isStopped) return 0;
      if (ending.kind === 'dropped') {
        stats.drops++;
        const isFirst = performance.now() - droppedAt > FORGIVEN_MS;
        droppedAt = performance.now();
        if (isFirst || following.reached > after) return 0;
      }
      throw new Error(broken ?? (ending.kind === 'done' ? ENDED : ending.reason));
    },
    stop() {
      isStopped = true;
      call?.cancel();
    },
  };
}

const ENDED = 'the subscription ended';

const begun = (feed: TailFeed, reached: Position): Following => ({
  feed,
  reached,
  checkpoints: 0,
  others: 0,
  heardAt: performance.now(),
  missing: 0,
  untold: 0,
  isOver: false,
});

function handlersOf(
  following: Following,
  end: LogEnd,
  recognised: (row: LogRow) => LogRow,
): LogHandlers {
  const { feed } = following;
  const heard = () => {
    following.heardAt = performance.now();
    following.missing = 0;
    following.untold = 0;
  };
  return {
    row(row) {
      heard();
      if (row.position > following.reached) following.reached = row.position;
      if (row.type.startsWith('$')) return;
      following.checkpoints = 0;
      following.others = 0;
      end.saw(row.position);
      feed.add([recognised(row)]);
    },
    checkpoint(position) {
      heard();
      if (position <= following.reached) return;
      following.reached = position;
      if (++following.checkpoints >= CHECKPOINTS_MAX) feed.reach(position);
    },
    caughtUp() {
      heard();
      feed.setLive(true);
    },
    fellBehind() {
      heard();
      feed.setLive(false);
    },
  };
}

type Break = (reason: string, isRenewal: boolean) => void;

function startPulse(following: Following, end: LogEnd, breakOff: Break): NodeJS.Timeout {
  let isLooking = false;
  const look = async () => {
    if (isLooking || performance.now() - following.heardAt < SILENT_MS) return;
    isLooking = true;
    try {
      if (await isMissing(following, end)) breakOff('the subscription fell silent', true);
    } catch (error) {
      if (!following.isOver) breakOff((error as Error).message, false);
    } finally {
      isLooking = false;
    }
  };
  const pulse = setInterval(() => void look(), PULSE_MS);
  pulse.unref();
  return pulse;
}

/** Whether the log has had something for a while that the subscription does not bring. */
async function isMissing(following: Following, end: LogEnd): Promise<boolean> {
  const { feed, reached, heardAt } = following;
  const { newest, from, ours, others } = await end.lookBack(reached, LOOK_MS);
  if (following.isOver || following.heardAt !== heardAt) return false;
  if (ours !== undefined && ours > reached) {
    feed.setLive(false);
    return ++following.missing > 1;
  }
  if (from > reached && newest > reached) return ++following.untold > UNTOLD_MAX;
  if (newest > reached) {
    following.reached = newest;
    following.others += others;
    if (following.others >= OTHERS_MAX) feed.reach(newest);
  }
  feed.setLive(true);
  return false;
}
