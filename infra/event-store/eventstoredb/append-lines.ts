/**
 * Appends go over a few streams of the connection, whichever is free; a new one is opened when all
 * are busy, or one broke.
 *
 *   unsent ──► on a line ──► answered
 *      │           └───────► unknown     its time is over, or the line broke
 *      └───────────────────► unknown     its time is over: a server that is behind has enough to do
 */
import type { EncodedAppend } from '../unit.js';
import { appendMessage } from './append-message.js';
import type { AppendAnswer } from './log-client.js';

export interface AppendLines {
  /** Never rejects. */
  append(append: EncodedAppend, timeoutMs: number): Promise<AppendAnswer>;
  close(): void;
}

/** One stream: messages go in, answers come back in any order. */
export interface LineStream {
  /** `sent` is called when it takes the next one. */
  write(message: Buffer, sent: () => void): void;
  cancel(): void;
}

export interface LineTold {
  readonly answer: (correlation: string, answer: AppendAnswer) => void;
  readonly ended: (reason: string) => void;
}

/** Rejects with an `Error` when there is no connection. */
export type OpenLine = (told: LineTold) => Promise<LineStream>;

interface Pending {
  readonly message: Buffer;
  readonly settle: (answer: AppendAnswer) => void;
  readonly dueAt: number;
  sentAt: number;
}

interface Line {
  /** Sent on it, and not answered. */
  readonly pending: Map<string, Pending>;
  stream: LineStream | undefined;
  /** It takes the next message; the one before has been handed to the network. */
  isFree: boolean;
  heardAt: number;
}

interface Lines {
  readonly open: OpenLine;
  readonly all: Set<Line>;
  /** In order, by correlation: what waits for a line. */
  readonly unsent: Map<string, Pending>;
  opening: Line | undefined;
  sweeping: NodeJS.Timeout | undefined;
}

/** How late a time-out may be noticed. */
const SWEEP_MS = 25;

/** A stream takes one message in a turn of the event loop, which is long on a busy machine. */
const LINES_MAX = 8;

/** The server refuses by itself what reaches it later; clocks may differ by less than this. */
const STALE_MS = 10_000;
const UNANSWERED =
  'the event store did not answer in time; it never does when its clock is more than ' +
  `${STALE_MS / 1000} s ahead of ours`;

export function openAppendLines(open: OpenLine): AppendLines {
  const lines: Lines = {
    ...{ open, all: new Set(), unsent: new Map() },
    ...{ opening: undefined, sweeping: undefined },
  };
  let count = 0;
  return {
    append: (append, timeoutMs) =>
      new Promise((settle) => {
        const sentAt = performance.now();
        const correlation = `00000000-0000-4000-8000-${(++count).toString(16).padStart(12, '0')}`;
        const message = appendMessage(correlation, append, Date.now() + STALE_MS);
        lines.unsent.set(correlation, { message, settle, sentAt, dueAt: sentAt + timeoutMs });
        lines.sweeping ??= setInterval(sweep, SWEEP_MS, lines);
        send(lines);
      }),
    close() {
      const reason = 'the event store is closed';
      giveUp(lines.unsent, reason);
      for (const line of lines.all) drop(lines, line, reason);
      clearInterval(lines.sweeping);
    },
  };
}

function openLine(lines: Lines): void {
  const line: Line = { pending: new Map(), stream: undefined, isFree: false, heardAt: 0 };
  lines.opening = line;
  lines.all.add(line);
  const answer: LineTold['answer'] = (correlation, told) => {
    line.heardAt = performance.now();
    line.pending.get(correlation)?.settle(told);
    line.pending.delete(correlation);
  };
  const ended = (reason: string) => drop(lines, line, reason);
  lines.open({ answer, ended }).then(
    (stream) => {
      if (lines.opening === line) lines.opening = undefined;
      line.stream = stream;
      if (!lines.all.has(line)) return stream.cancel();
      line.isFree = true;
      send(lines);
    },
    (error: Error) => ended(error.message),
  );
}

function send(lines: Lines): void {
  for (const [correlation, one] of lines.unsent) {
    const line = [...lines.all].find(({ isFree }) => isFree);
    if (!line?.stream) {
      if (!lines.opening && lines.all.size < LINES_MAX) openLine(lines);
      return;
    }
    lines.unsent.delete(correlation);
    one.sentAt = performance.now();
    line.pending.set(correlation, one);
    line.isFree = false;
    line.stream.write(one.message, () => {
      line.isFree = lines.all.has(line);
      if (line.isFree && lines.unsent.size > 0) send(lines);
    });
  }
}

/** What has no line yet is told as well when this was to be one: none can be opened. */
function drop(lines: Lines, broken: Line, reason: string): void {
  if (!lines.all.delete(broken)) return;
  broken.isFree = false;
  giveUp(broken.pending, reason);
  if (lines.opening === broken) {
    lines.opening = undefined;
    giveUp(lines.unsent, reason);
  }
  broken.stream?.cancel();
  if (lines.unsent.size > 0) send(lines);
}

/** A line on which nothing at all is heard is given up. */
function sweep(lines: Lines): void {
  const now = performance.now();
  settleDue(lines.unsent, now);
  for (const line of lines.all)
    if (settleDue(line.pending, now).some(({ sentAt }) => line.heardAt < sentAt))
      drop(lines, line, 'the event store is silent');
  if (lines.unsent.size > 0 || [...lines.all].some(({ pending }) => pending.size > 0)) return;
  clearInterval(lines.sweeping);
  lines.sweeping = undefined;
}

/** Those that are due are unknown; answers with them. */
function settleDue(pending: Map<string, Pending>, now: number): readonly Pending[] {
  const due: Pending[] = [];
  for (const [correlation, one] of pending) {
    if (one.dueAt > now) continue;
    due.push(one);
    pending.delete(correlation);
    one.settle({ kind: 'unknown', reason: UNANSWERED });
  }
  return due;
}

function giveUp(pending: Map<string, Pending>, reason: string): void {
  for (const { settle } of pending.values()) settle({ kind: 'unknown', reason });
  pending.clear();
}
