/** What comes of a call that reads: asked again through short outages, never for long. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { LogRow } from '../codec.js';
import { StoreUnavailable } from '../port.js';
import type { Call, Ending, LogClient, LogRange } from './log-client.js';

/**
 * A read, and how many rows it is over with: a server that has sent as many as it was asked for may
 * look for the next one before it ends the call.
 */
interface Read {
  readonly start: (row: (row: LogRow) => void) => Call;
  readonly rowsMax: number;
}

interface Piece {
  readonly rows: readonly LogRow[];
  /** Whether the call ended behind these rows, rather than broke or fell silent. */
  readonly isWhole: boolean;
}

interface Patience {
  /** So long without a row the piece is what it is. */
  readonly quietMs: number;
  /** Nobody waits longer for the first row of a server that is away. */
  readonly timeoutMs: number;
}

/**
 * A moment's outage costs its reader little, and a long one costs little to wait for: 50 ms before
 * the first repetition, twice as long before each next one, up to 400 ms.
 */
const RETRY_PAUSE_MS = 50;
const RETRY_PAUSE_MS_MAX = 400;
const pauseAfter = (tries: number): number =>
  Math.min(RETRY_PAUSE_MS * 2 ** tries, RETRY_PAUSE_MS_MAX);

export const isOurs = ({ type }: LogRow): boolean => !type.startsWith('$');

/** The server understood the question, and does not answer it. */
export class ReadRefused extends Error {
  /** The server said that it could not, which another time it may. */
  readonly isFailure: boolean;
  constructor(reason: string, isFailure = false) {
    super(reason);
    this.name = 'ReadRefused';
    this.isFailure = isFailure;
  }
}

export const logRead = (client: Pick<LogClient, 'readLog'>, range: LogRange): Read => ({
  start: (row) => client.readLog(range, row),
  rowsMax: range.limit,
});

/** All rows of a read, once it is done. */
export async function collectRows(read: Read, timeoutMs: number): Promise<readonly LogRow[]> {
  let deadline = performance.now() + timeoutMs;
  for (let tries = 0; ; tries++) {
    const { rows, ending } = await tried(read, deadline - performance.now());
    if (ending.kind === 'done') return rows;
    if (ending.kind === 'refused') throw new ReadRefused(ending.reason);
    if (rows.length > 0) deadline = performance.now() + timeoutMs;
    const pauseMs = pauseAfter(tries);
    if (performance.now() + pauseMs > deadline) throw new StoreUnavailable(ending.reason);
    await pause(pauseMs);
  }
}

/** The rows of a read as far as they come without a pause. */
export async function readPiece(read: Read, { quietMs, timeoutMs }: Patience): Promise<Piece> {
  const deadline = performance.now() + timeoutMs;
  for (let tries = 0; ; tries++) {
    const { rows, ending } = await tried(read, Math.min(quietMs, deadline - performance.now()));
    if (ending.kind === 'done') return { rows, isWhole: true };
    if (rows.length > 0 || ending.kind === 'silent') return { rows, isWhole: false };
    if (ending.kind === 'refused') throw new ReadRefused(ending.reason);
    if (ending.kind === 'away' && ending.failed) throw new ReadRefused(ending.reason, true);
    const pauseMs = pauseAfter(tries);
    if (performance.now() + pauseMs > deadline) throw new StoreUnavailable(ending.reason);
    await pause(pauseMs);
  }
}

async function tried({ start, rowsMax }: Read, quietMs: number) {
  const rows: LogRow[] = [];
  const call = start((row) => {
    if (rows.length < rowsMax) rows.push(row);
    if (rows.length === rowsMax) call.cancel();
  });
  return { rows, ending: await endOf(call, () => rows.length, quietMs) };
}

type Silent = { readonly kind: 'silent'; readonly reason: string };

/** While it is quiet; so a silence is noticed at most a quarter of its time later. */
const LOOKS = 4;

const SILENT: Silent = { kind: 'silent', reason: 'the event store did not answer in time' };

/** The call's ending, or that nothing new was heard for so long. */
export async function endOf(
  call: Call,
  heard: () => number,
  quietMs: number,
): Promise<Ending | Silent> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<Silent>((resolve) => {
    let before = 0;
    let looks = 0;
    timer = setInterval(() => {
      looks = heard() === before ? looks + 1 : 0;
      before = heard();
      if (looks >= LOOKS) resolve(SILENT);
    }, quietMs / LOOKS);
  });
  const ending = await Promise.race([call.ended, silence]);
  clearInterval(timer);
  if (ending.kind === 'silent') call.cancel();
  return ending;
}
