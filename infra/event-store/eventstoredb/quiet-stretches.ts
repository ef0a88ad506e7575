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
  /** Between the position and the answer is nothing of ours, as far as is known. */
  endOf(position: Position): Position;
  /** Whether the stretch at the position is being gone through. */
  isWalked(position: Position): boolean;
  /** How far nothing of ours comes: at its end, or as far as it is known in about a second. */
  walk(after: Position): Promise<Position>;
}

interface Walk {
  readonly from: Position;
  reached: Position;
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
  let known: { readonly from: Position; readonly to: Position }[] = [];

  const at = (position: Position) =>
    [...walks].find(({ from, reached }) => from <= position && position <= reached);

  function begin(from: Position): Walk {
    const walk = startWalk(walking, from);
    walks.add(walk);
    const done = () => {
      walks.delete(walk);
      if (walk.reached === from) return;
      known = [{ from, to: walk.reached }, ...known].slice(0, STRETCHES_MAX);
    };
    walk.over.then(done, done);
    return walk;
  }

  return {
    endOf(position) {
      const stretch = known.find(({ from, to }) => from <= position && position < to);
      return stretch?.to ?? position;
    },
    isWalked: (position) => at(position) !== undefined,
    async walk(after) {
      const walk = at(after) ?? begin(after);
      await untilStep(walk);
      return walk.reached > after ? walk.reached : after;
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
      if (position > walk.reached) walk.reached = position;
    };
    const call = client.follow(
      from,
      {},
      {
        row(row: LogRow) {
          heard++;
          if (isOurs(row)) call.cancel();
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
  const walk: Walk = { from, reached: from, over: go() };
  return walk;
}
