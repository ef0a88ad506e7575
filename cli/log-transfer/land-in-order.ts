/**
 * Lands events of an archive in their order, whatever happens to the store meanwhile.
 *
 *   left ──append──► all landed, their positions ascend ──► done
 *    ▲                  │ an outage, or a conflict
 *    │                  ▼
 *    └──── the log behind the last one is read: what is there must be the first of what is left
 *
 * What was sent before an outage may land later still, and is sent again: both times in order and
 * from the first missing one on, so each lands behind the one before it.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { StreamName } from '../../contracts/streams.js';
import type { EncodedEvent, LogRow } from '../../infra/event-store/codec.js';
import { START, type AppendOutcome, type Position } from '../../infra/event-store/port.js';
import type { RawLog } from '../../infra/event-store/raw-log.js';
import type { EncodedAppend } from '../../infra/event-store/unit.js';
import { StartError } from '../../infra/start-error.js';
import { throughOutage } from './through-outages.js';

interface Landing {
  /** Of the last event that is known to be in its place. */
  readonly position: Position;
  /** The next event is in its place already. */
  found(there: LogRow): void;
  /** Throws `StartError` where the order of the target is another one. */
  land(rows: readonly LogRow[]): Promise<void>;
}

const PAGE = 1_000;
/** Stores that take a run as one message bound it at a megabyte. */
const RUN_BYTES_MAX = 256 * 1024;

export function openLanding(log: RawLog, signal: AbortSignal): Landing {
  let position = START;

  /** What the target lacks of rows of which some may have landed. */
  async function lackingOf(rows: readonly LogRow[]): Promise<readonly LogRow[]> {
    for (let [after, landed] = [position, 0]; ;) {
      const page = await log.page(after, PAGE);
      for (const there of page.rows) {
        expectNext(rows[landed++], there);
        position = there.position;
      }
      if (page.caughtUp) return rows.slice(landed);
      after = page.position;
    }
  }

  /** The sentence about the first run that did not land. */
  function conflictIn(
    runs: readonly EncodedAppend[],
    outcomes: readonly AppendOutcome[],
  ): string | undefined {
    for (const [index, run] of runs.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status !== 'appended') return conflictOf(run, outcome);
      if (outcome.position <= position)
        throw new StartError(
          `The target put revision ${outcome.revision} of ${run.stream} at position ` +
            `${outcome.position}, and what belongs before it at ${position}: ${ANOTHER_ORDER}`,
        );
      position = outcome.position;
    }
    return undefined;
  }

  return {
    get position() {
      return position;
    },
    found(there) {
      position = there.position;
    },
    async land(rows) {
      let [left, isCertain, before] = [rows, true, position];
      let conflict: string | undefined;
      const work = async () => {
        for (;;) {
          if (!isCertain) {
            position = before;
            const lacking = await lackingOf(left);
            if (conflict && lacking.length === left.length) throw new StartError(conflict);
            left = lacking;
          }
          if (left.length === 0) return;
          isCertain = false;
          before = position;
          const runs = runsOf(left);
          conflict = conflictIn(runs, await log.append(runs));
          if (!conflict) return;
        }
      };
      await throughOutage(work, signal);
    },
  };
}

const ANOTHER_ORDER =
  'the event store took them in another order, and the order of a log is kept. Import into an ' +
  'empty event store.';

function expectNext(row: LogRow | undefined, there: LogRow): void {
  if (!row) throw goesOn(there);
  if (isSame(row, there)) return;
  throw new StartError(
    `The target has revision ${there.revision} of ${there.stream} at position ${there.position}, ` +
      `where revision ${row.revision} of ${row.stream} belongs: ${ANOTHER_ORDER}`,
  );
}

export const isSame = (row: LogRow, there: LogRow): boolean =>
  there.id === row.id && there.stream === row.stream && there.revision === row.revision;

export const goesOn = ({ revision, stream }: LogRow): StartError =>
  new StartError(
    `The target goes on behind the export, with revision ${revision} of ${stream}: it is in use ` +
      'already, and nothing was changed.',
  );

function conflictOf(run: EncodedAppend, outcome: AppendOutcome | undefined): string {
  const at = outcome?.status === 'conflict' ? `is at revision ${outcome.actualRevision}` : 'moved';
  return (
    `${run.stream} ${at} in the target, and the export goes on behind revision ` +
    `${run.expectedRevision}: somebody else writes there. Stop them, and import into an empty ` +
    'store.'
  );
}

/** Neighbours of one stream go together. */
function runsOf(rows: readonly LogRow[]): readonly EncodedAppend[] {
  const runs: { stream: StreamName; expectedRevision: number; events: EncodedEvent[] }[] = [];
  let bytes = 0;
  for (const { stream, revision, id, type, data, metadata } of rows) {
    const event = { id, type: type as AnyEvent['type'], data, metadata };
    const run = runs.at(-1);
    bytes += data.length + metadata.length;
    const follows = run?.stream === stream && run.expectedRevision + run.events.length + 1;
    if (run && follows === revision && bytes <= RUN_BYTES_MAX) run.events.push(event);
    else {
      runs.push({ stream, expectedRevision: revision - 1, events: [event] });
      bytes = data.length + metadata.length;
    }
  }
  return runs;
}
