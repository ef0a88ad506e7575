/**
 * Brings the events of an archive into a store, in their order and under their ids.
 *
 *   archive ──event──► already there? ──yes──► the same one, or it is a conflict
 *                            │ no: the store's log has ended
 *                            ▼
 *                      runs of one stream ──► units, one after another
 *
 * What is there already is compared and not written, so a run that was killed is simply repeated.
 * One unit is under way at a time: with two, an outage between them could let the second overtake.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { StreamName } from '../../contracts/streams.js';
import type { EncodedEvent, LogRow } from '../../infra/event-store/codec.js';
import { retryOnOutage } from '../../infra/event-store/outage.js';
import { START, type AppendOutcome, type Position } from '../../infra/event-store/port.js';
import type { RawLog } from '../../infra/event-store/raw-log.js';
import type { EncodedAppend } from '../../infra/event-store/unit.js';
import { StartError } from '../../infra/start-error.js';

export interface Appending {
  readonly log: RawLog;
  /** Ascending, of the source; what each is in the target is wanted. */
  readonly marks: readonly Position[];
  readonly signal: AbortSignal;
}

export interface LogWriter {
  /** Whether the store has an event where the next one of the archive belongs. */
  isThere(): Promise<boolean>;
  /** The next event of the archive. */
  take(row: LogRow): Promise<void>;
  /** Throws `StartError` when the store's log goes on behind the archive's. */
  end(): Promise<Ended>;
}

interface Ended {
  readonly appended: number;
  /** The target's position by the source's: of the last event that does not lie behind it. */
  readonly translated: ReadonlyMap<Position, Position>;
  /** Of the last event. */
  readonly position: Position;
}

const UNIT_EVENTS_MAX = 1_000;
const UNIT_BYTES_MAX = 1024 * 1024;
/** Stores that take a run as one message bound it at a megabyte. */
const RUN_BYTES_MAX = 256 * 1024;

export function openLogWriter({ log, marks, signal }: Appending): LogWriter {
  const target = openCursor(log, signal);
  const translated = new Map<Position, Position>();
  let [unit, bytes, appended, position, mark] = [[] as LogRow[], 0, 0, START, 0];
  let underWay: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    send();
    await underWay;
  }

  function send(): void {
    if (unit.length === 0) return;
    const rows = unit;
    [unit, bytes] = [[], 0];
    underWay = underWay.then(async () => {
      position = await appendAll(log, runsOf(rows), signal);
      appended += rows.length;
    });
    // It is awaited before the next one is sent, or at the end.
    underWay.catch(() => undefined);
  }

  /** Everything before `next` is in the target: it tells where the marks before it lie. */
  async function passMarks(next: Position | undefined): Promise<void> {
    for (; mark < marks.length; mark++) {
      const at = marks[mark];
      if (at === undefined || (next !== undefined && at >= next)) return;
      await flush();
      translated.set(at, position);
    }
  }

  return {
    isThere: async () => (await target.peek()) !== undefined,
    async take(row) {
      await passMarks(row.position);
      const there = await target.peek();
      if (there) {
        target.skip();
        expectSame(row, there);
        position = there.position;
        return;
      }
      const size = row.data.length + row.metadata.length;
      if (unit.length >= UNIT_EVENTS_MAX || bytes + size > UNIT_BYTES_MAX) {
        await underWay;
        send();
      }
      unit.push(row);
      bytes += size;
    },
    async end() {
      await passMarks(undefined);
      await flush();
      const behind = await target.peek();
      if (behind)
        throw new StartError(
          `The target goes on behind the export, with revision ${behind.revision} of ` +
            `${behind.stream}: it is in use already, and nothing was changed.`,
        );
      return { appended, translated, position };
    },
  };
}

function expectSame(row: LogRow, there: LogRow): void {
  const { id, stream, revision } = row;
  if (there.id === id && there.stream === stream && there.revision === revision) return;
  throw new StartError(
    `The target has revision ${there.revision} of ${there.stream} where the export has revision ` +
      `${revision} of ${stream}: import into an empty store, or into one that holds the ` +
      'beginning of the same log.',
  );
}

const PAGE = 1_000;

/** The target's own log, once from its beginning; undefined from its end on. */
function openCursor(log: RawLog, signal: AbortSignal) {
  let rows: readonly LogRow[] = [];
  let [index, after, ended] = [0, START, false];
  return {
    async peek(): Promise<LogRow | undefined> {
      while (index >= rows.length && !ended) {
        signal.throwIfAborted();
        const page = await retryOnOutage(() => log.page(after, PAGE), signal, OUTAGE_MAX_MS);
        ({ rows, position: after } = page);
        index = 0;
        ended = page.caughtUp;
      }
      return rows[index];
    },
    skip: () => void (index += 1),
  };
}

/** Neighbours of one stream go together. */
function runsOf(rows: readonly LogRow[]): EncodedAppend[] {
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

/** Answers the position of the last event. */
async function appendAll(
  log: RawLog,
  runs: readonly EncodedAppend[],
  signal: AbortSignal,
): Promise<Position> {
  const outcomes = await retryOnOutage(() => log.append(runs), signal, OUTAGE_MAX_MS);
  outcomes.forEach((outcome, index) => expectLanded(outcome, runs[index]));
  const last = outcomes.at(-1);
  if (last?.status !== 'appended') throw new Error('the store answered too little');
  return last.position;
}

function expectLanded(outcome: AppendOutcome, run: EncodedAppend | undefined): void {
  if (outcome.status === 'appended') return;
  const at = outcome.status === 'conflict' ? `is at revision ${outcome.actualRevision}` : 'moved';
  throw new StartError(
    `${run?.stream ?? 'a stream'} ${at} in the target, and the export goes on behind revision ` +
      `${run?.expectedRevision ?? 0}: somebody else writes there. Stop them, and import into an ` +
      'empty store.',
  );
}

/** Everything here may be repeated, so a shorter outage is waited out. */
const OUTAGE_MAX_MS = 60_000;
