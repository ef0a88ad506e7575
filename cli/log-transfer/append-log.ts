/**
 * Brings the events of an archive into a store, in their order and under their ids.
 *
 *   archive ──event──► already there? ──yes──► the same one, or it is a conflict
 *                            │ no: the store's log has ended
 *                            ▼
 *                      units, one after another (`land-in-order.ts`)
 *
 * What is there already is compared and not written, so a run that was killed is simply repeated.
 */
import type { LogRow } from '../../infra/event-store/codec.js';
import { START, type Position } from '../../infra/event-store/port.js';
import type { RawLog } from '../../infra/event-store/raw-log.js';
import { StartError } from '../../infra/start-error.js';
import { goesOn, isSame, openLanding } from './land-in-order.js';

export interface Appending {
  /** Its reads wait out an outage. */
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

export function openLogWriter({ log, marks, signal }: Appending): LogWriter {
  const target = openCursor(log, signal);
  const landing = openLanding(log, signal);
  const translated = new Map<Position, Position>();
  let [unit, bytes, appended, mark] = [[] as LogRow[], 0, 0, 0];
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
      await landing.land(rows);
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
      translated.set(at, landing.position);
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
        landing.found(there);
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
      const { position } = landing;
      const [behind] = (await log.page(position, 1)).rows;
      if (behind) throw goesOn(behind);
      return { appended, translated, position };
    },
  };
}

function expectSame(row: LogRow, there: LogRow): void {
  if (isSame(row, there)) return;
  throw new StartError(
    `The target has revision ${there.revision} of ${there.stream} where the export has revision ` +
      `${row.revision} of ${row.stream}: import into an empty store, or into one that holds the ` +
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
        ({ rows, position: after, caughtUp: ended } = await log.page(after, PAGE));
        index = 0;
      }
      return rows[index];
    },
    skip: () => void (index += 1),
  };
}
