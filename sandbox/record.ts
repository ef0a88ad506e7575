/**
 * The append-only record of every call that reached the sandbox: `<dir>/calls.ndjson`.
 *
 * A call that is answered at once has one line. A call that takes a while has a line when it
 * arrives (`finished: false`, unpaid) and another when the provider is done with it (`finished:
 * true`); both carry the same `call`. `n` numbers lines, ascends in the file and is the cursor.
 * Money follows the finished line: `paid: true` stands there from the moment the work is done.
 *
 * A line is handed to the kernel before anyone is answered, so it survives the end of the process
 * (not a power cut: nothing is fsynced). Lines that wait for each other share one write. A write
 * that fails is tried again until it succeeds, and until then nobody is answered.
 */
import { createReadStream, mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Misbehaviour } from './misbehave.js';

export interface CallLine {
  readonly n: number;
  /** The `n` of the call's first line: the number of the call. */
  readonly call: number;
  readonly finished: boolean;
  /** When the call arrived. */
  readonly time: string;
  readonly personality: string;
  readonly path: string;
  readonly idempotencyKey: string | null;
  /** The header `X-Dispatch-Key`, else the idempotency key. */
  readonly dispatchKey: string | null;
  /** Null when the body was too large to be read. */
  readonly bodySha256: string | null;
  /** What was answered; 499: the caller had hung up; null: no answer, or none yet. */
  readonly status: number | null;
  readonly paid: boolean;
  readonly replayed: boolean;
  readonly misbehaviour: Misbehaviour | null;
}

export type CallFacts = Omit<CallLine, 'n' | 'call' | 'finished'>;

export interface CallRecord {
  /** Writes the first line of a call that takes a while and answers the call's number. */
  arrive(facts: CallFacts): number;
  /** Adds a call's last line; `written` resolves once the kernel has it. */
  finish(facts: CallFacts, call: number | null): { n: number; written: Promise<void> };
  /** Every call once, as JSON lines: its last line, or its first while it has no other. */
  read(after: number): AsyncGenerator<string[]>;
  callsCount(): number;
  /** Why the record cannot be written at present; no new call may be taken then. */
  trouble(): Error | null;
  close(): Promise<void>;
}

/** The offset of every such many lines is remembered, so that a cursor finds its place. */
const linesPerMark = 1024;
const retryAfterMs = 200;
const queuedLinesMax = 100_000;
/** How much of the end of an earlier record is read back in full when a sandbox starts. */
const pastBytesMax = 128 * 1024 * 1024;

export async function openCallRecord(
  dir: string,
  onPast: (line: CallLine) => void,
): Promise<CallRecord> {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'calls.ndjson');
  const file = await open(path, 'a+');
  const index = lineIndex();
  const { size } = await file.stat();
  for await (const lines of linesOf(path, 0, size)) {
    for (const line of lines) {
      const recent = index.bytes() >= size - pastBytesMax;
      const isCall = index.add(line);
      if (recent && isCall && line.includes('"paid":true')) onPast(JSON.parse(line) as CallLine);
    }
  }
  // What follows the last newline is a line that was torn by a crash: nobody was answered for it.
  if (index.bytes() < size) await file.truncate(index.bytes());
  const writer = lineWriter(file);

  const append = (facts: CallFacts, call: number | null, finished: boolean): number => {
    const n = index.last() + 1;
    const rest = asciiJson(facts).slice(1);
    const line = `{"n":${n},"call":${call ?? n},"finished":${finished},${rest}`;
    index.add(line);
    writer.push(line);
    return n;
  };
  return {
    arrive: (facts) => append(facts, null, false),
    finish(facts, call) {
      const n = append(facts, call, true);
      return { n, written: writer.written() };
    },
    async *read(after) {
      const { start, end, unfinished } = index.snapshot(after);
      await writer.written();
      for await (const lines of linesOf(path, start, end)) {
        yield lines.filter((line) => {
          const found = headOf(line);
          return found && found.n > after && (found.finished || unfinished.has(found.call));
        });
      }
    },
    callsCount: () => index.callsCount(),
    trouble: () => writer.trouble(),
    async close() {
      try {
        await writer.stop();
      } finally {
        await file.close();
      }
    },
  };
}

interface LineIndex {
  /** Whether the line is a call's. */
  add(line: string): boolean;
  last(): number;
  bytes(): number;
  callsCount(): number;
  /** Where to read for what follows line `after`, and which calls have no last line up to there. */
  snapshot(after: number): { start: number; end: number; unfinished: ReadonlySet<number> };
}

/** Knows the file by its lines' heads; lines that are no calls keep their place and are skipped. */
function lineIndex(): LineIndex {
  /** Calls with a first line and no last one: being worked on, or lost when a process ended. */
  const unfinished = new Set<number>();
  const marks: number[] = [];
  let count = 0;
  let last = 0;
  let bytes = 0;
  return {
    add(line) {
      const head = headOf(line);
      if (head) {
        const { n, call, finished } = head;
        const block = Math.floor(n / linesPerMark);
        while (marks.length <= block) marks.push(bytes);
        if (!finished) unfinished.add(call);
        else if (call !== n) unfinished.delete(call);
        if (call === n) count += 1;
        last = n;
      }
      bytes += line.length + 1;
      return head !== null;
    },
    last: () => last,
    bytes: () => bytes,
    callsCount: () => count,
    snapshot(after) {
      const start = marks[Math.floor((after + 1) / linesPerMark)] ?? bytes;
      return { start, end: bytes, unfinished: new Set(unfinished) };
    },
  };
}

function headOf(line: string): { n: number; call: number; finished: boolean } | null {
  // A power cut may leave blocks of zeros where lines were.
  const parts = line.includes('\0') ? null : headPattern.exec(line);
  return parts && { n: Number(parts[1]), call: Number(parts[2]), finished: parts[3] === 'true' };
}

const headPattern = /^\{"n":(\d+),"call":(\d+),"finished":(true|false),/;

/** JSON in ASCII alone, so that characters are bytes and offsets in the file are exact. */
function asciiJson(value: object): string {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) === text.length) return text;
  return text.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

interface LineWriter {
  push(line: string): void;
  /** Resolves when everything pushed so far is with the kernel. */
  written(): Promise<void>;
  trouble(): Error | null;
  stop(): Promise<void>;
}

function lineWriter(file: FileHandle): LineWriter {
  let queue: string[] = [];
  let batch = newBatch();
  let beingWritten: Promise<void> | null = null;
  let writing: Promise<void> | null = null;
  let failure: Error | null = null;
  let stopped = false;

  const writeAll = async () => {
    while (queue.length > 0) {
      // The lines of everyone who was served in this turn of the event loop go in one write.
      await new Promise((resolve) => setImmediate(resolve));
      const mine = batch;
      beingWritten = mine.promise;
      let rest = Buffer.from(`${queue.join('\n')}\n`, 'latin1');
      batch = newBatch();
      queue = [];
      while (rest.length > 0) {
        try {
          const { bytesWritten } = await file.write(rest);
          rest = rest.subarray(bytesWritten);
          failure = null;
        } catch (error) {
          failure = error as Error;
          if (stopped) throw error;
          await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
        }
      }
      beingWritten = null;
      mine.resolve();
    }
    writing = null;
  };
  return {
    push(line) {
      queue.push(line);
      writing ??= writeAll();
    },
    written: () => (queue.length > 0 ? batch.promise : (beingWritten ?? Promise.resolve())),
    trouble: () =>
      failure ?? (queue.length > queuedLinesMax ? new Error('The record falls behind.') : null),
    async stop() {
      stopped = true;
      await writing;
    },
  };
}

function newBatch(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Whole lines of a part of a file, a chunk's worth at a time; a last line without end is left. */
async function* linesOf(path: string, start: number, end: number): AsyncGenerator<string[]> {
  if (start >= end) return;
  let rest = '';
  const options = { start, end: end - 1, encoding: 'latin1', highWaterMark: 1 << 20 } as const;
  for await (const chunk of createReadStream(path, options)) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
}
