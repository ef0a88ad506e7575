/**
 * Stretches of the log with nothing but the server's own events, which may be millions. A read that
 * meets one gets no word until it is through, so a subscription goes through it, once for all
 * readers of this process: its checkpoints say how far. What it went through is not read again.
 */
import type { LogRow } from '../codec.js';
import { StoreUnavailable, type Position } from '../port.js';
import type { LogClient } from './log-client.js';
import type { LogEnd } from './log-end.js';
import { endOf, isOurs, ReadRefused } from './read-calls.js';

export interface QuietStretches {
  /** What is known to lie behind a position. */
  behind(position: Position): Stretch;
  /** Whether the stretch at the position is being gone through. */
  isWalked(position: Position): boolean;
  /** Goes through what lies behind a position, to its end or for about a second. */
  walk(after: Position): Promise<Stretch>;
}

interface Stretch {
  /** There is nothing of ours up to here; the position itself where nothing is known. */
  readonly to: Position;
  /** The first event of ours behind it, where that is known. */
  readonly next: Position | undefined;
}

interface Walk {
  readonly from: Position;
  to: Position;
  next: Position | undefined;
  readonly over: Promise<void>;
}

/** So long a reader waits before it is told how far the walk is. */
const STEP_MS = 1_000;

/** Events from checkpoint to checkpoint: some milliseconds of the server's. */
const WINDOW = 4_096;

const STRETCHES_MAX = 64;

interface Walking {
  readonly client: LogClient;
  readonly end: LogEnd;
  readonly timeoutMs: number;
}

export function openQuietStretches(walking: Walking): QuietStretches {
  const walks = new Set<Walk>();
  let known: readonly Walk[] = [];

  const at = (position: Position) =>
    [...walks].find(({ from, to }) => from <= position && position <= to);

  function begin(from: Position): Walk {
    const walk = startWalk(walking, from);
    walks.add(walk);
    const done = () => {
      walks.delete(walk);
      if (walk.to > from) known = [walk, ...known].slice(0, STRETCHES_MAX);
    };
    walk.over.then(done, done);
    return walk;
  }

  return {
    behind: (position) =>
      known.find(({ from, to }) => from <= position && position <= to) ?? {
        to: position,
        next: undefined,
      },
    isWalked: (position) => at(position) !== undefined,
    async walk(after) {
      const walk = at(after) ?? begin(after);
      await untilStep(walk);
      return { to: walk.to > after ? walk.to : after, next: walk.next };
    },
  };
}

async function untilStep({ over }: Walk): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const step = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, STEP_MS);
  });
  await Promise.race([over, step]).finally(() => clearTimeout(timer));
}

/** Over at the first event of ours, at the end of the log, or when the server is away. */
function startWalk({ client, end, timeoutMs }: Walking, from: Position): Walk {
  let heard = 0;
  const go = async (): Promise<void> => {
    const { newest } = await end.lookBack(from);
    const reach = (position: Position) => {
      heard++;
      if (position > walk.to) walk.to = position;
    };
    const call = client.follow(
      from,
      {},
      {
        row(row: LogRow) {
          heard++;
          if (!isOurs(row)) return;
          walk.next ??= row.position;
          call.cancel();
        },
        checkpoint: reach,
        caughtUp() {
          reach(newest);
          call.cancel();
        },
      },
      WINDOW,
    );
    const ending = await endOf(call, () => heard, timeoutMs);
    if (ending.kind === 'refused') throw new ReadRefused(ending.reason);
    if (ending.kind !== 'done' && heard === 0) {
      if (ending.kind === 'away' && ending.failed) throw new ReadRefused(ending.reason, true);
      throw new StoreUnavailable(ending.reason);
    }
  };
  const walk: Walk = { from, to: from, next: undefined, over: go() };
  return walk;
}
