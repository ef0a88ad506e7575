/**
 * The end of the log. No question about it makes the server look for an event of ours: it would go
 * through all of its own, which may be millions. It is asked for the newest events of any kind:
 *
 *   … ours │ $ $ $ $ … through │ $ $ $ newest
 *     head ┘  nothing of ours ─┘ └─ looked at
 *
 * When what is looked at does not reach what is known, `head` is the newest event of any kind:
 * whoever has come so far has seen everything of ours.
 */
import { createBatchLoader } from '../../concurrency/batch-loader.js';
import { isOutage } from '../outage.js';
import { START, type Position } from '../port.js';
import type { LogClient } from './log-client.js';
import { collectRows, isOurs, logRead } from './read-calls.js';

export interface LogEnd {
  /** Every event of ours that was there when it was asked is at or before it. */
  head(): Promise<Position>;
  /** As far as this process has heard, without a question. */
  readonly known: Position;
  /** There is an event of ours. */
  saw(position: Position): void;
  /** The newest events, back to `until` where they are not too many. */
  lookBack(until: Position, withinMs?: number): Promise<Tail>;
}

interface Tail {
  /** Of any kind; `START` in an empty log. */
  readonly newest: Position;
  /** Everything behind it was looked at. */
  readonly from: Position;
  /** The newest of ours that was looked at. */
  readonly ours: Position | undefined;
  /** Those of the server's own behind `ours`, or behind `until`. */
  readonly others: number;
}

/** Statistics of the server may have 20 KB each, so a long look would be a slow one. */
const LOOKS = [1, 16, 256];

/** So many of the server's own events count as an end of the log in their place. */
const OTHERS_MAX = 256;

const HEADS_IN_FLIGHT = 2;

export function openLogEnd(client: LogClient, timeoutMs: number): LogEnd {
  /** Of ours, everything up to `through` is at or before `head`. */
  let known = { through: START, head: START, others: 0 };

  async function lookBack(until: Position, withinMs = timeoutMs): Promise<Tail> {
    let tail: Tail = { newest: START, from: START, ours: undefined, others: 0 };
    for (const limit of LOOKS) {
      const range = { from: 'end', limit, filter: 'everything' } as const;
      const rows = await collectRows(logRead(client, range), withinMs);
      const index = rows.findIndex((row) => isOurs(row) || row.position <= until);
      const found = rows[index];
      tail = {
        newest: rows[0]?.position ?? START,
        from: rows.length < limit ? START : (rows.at(-1)?.position ?? START),
        ours: found && isOurs(found) ? found.position : undefined,
        others: found ? index : rows.length,
      };
      if (found || rows.length < limit) return tail;
    }
    return tail;
  }

  function learn({ newest, from, ours, others }: Tail): void {
    if (newest <= known.through) return;
    if (ours !== undefined && ours > known.through) known = { through: newest, head: ours, others };
    else if (from <= known.through && known.others + others <= OTHERS_MAX)
      known = { through: newest, head: known.head, others: known.others + others };
    else known = { through: newest, head: newest, others: 0 };
  }

  const head = createBatchLoader<'head', Position>({
    nameOf: (key) => key,
    keysMax: 1,
    inFlightMax: HEADS_IN_FLIGHT,
    isOutage,
    async load() {
      learn(await lookBack(known.through));
      return [known.head];
    },
  });

  return {
    head: () => head('head'),
    get known() {
      return known.head;
    },
    saw(position) {
      if (position > known.through) known = { through: position, head: position, others: 0 };
    },
    lookBack,
  };
}
