/** A worker process as the runner drives it. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Order, Outcome } from './messages.js';

export interface Lane {
  run(path: string): Promise<Ran>;
  /**
   * Rejects when what the specs shared cannot be closed, or keeps the process from ending; but not
   * after a file that failed, which may have left anything.
   */
  end(): Promise<void>;
}

export interface Ran {
  readonly outcome: Outcome;
  /** Everything that the process and its children printed meanwhile. */
  readonly output: string;
  readonly tookMs: number;
  /** The process ended in the middle: another one must be opened. */
  readonly isLost: boolean;
}

/** Stopping a system, a database server and a broker. */
const END_DEADLINE_MS = 60_000;

const HOOKS = new URL('./hooks.mjs', import.meta.url).href;

export function openLane(endMs = END_DEADLINE_MS): Lane {
  const folder = mkdtempSync(join(tmpdir(), 'modelroute-tests-'));
  const outputFile = join(folder, 'output');
  // A file, not a pipe: what was printed before the outcome was sent is in it when that arrives.
  const output = openSync(outputFile, 'a');
  const worker = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), {
    execArgv: ['--import', HOOKS],
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...process.env, ...(process.stdout.isTTY && { MOCHA_COLORS: '1' }) },
  });
  closeSync(output);
  const exited = once(worker, 'exit');
  let read = 0;
  let hasFailed = false;
  const readOutput = () => {
    const bytes = readFileSync(outputFile);
    const text = bytes.subarray(read).toString('utf8');
    read = bytes.length;
    return text;
  };
  return {
    async run(path) {
      const began = performance.now();
      const outcome = await outcomeOf(worker, { run: path });
      const took = { output: readOutput(), tookMs: performance.now() - began };
      hasFailed ||= outcome === undefined || outcome.failures.length > 0;
      if (outcome) return { outcome, ...took, isLost: false };
      rmSync(folder, { recursive: true });
      const failures = [`${path} ended the process that ran it:\n${took.output.slice(-4_000)}`];
      return { outcome: { passed: 0, failures, skips: [] }, ...took, isLost: true };
    },
    async end() {
      const timer = setTimeout(() => worker.kill('SIGKILL'), endMs);
      if (worker.connected) worker.send('end' satisfies Order);
      const [code] = (await exited) as [number | null];
      clearTimeout(timer);
      const said = readOutput();
      rmSync(folder, { recursive: true });
      if (code === 0 || hasFailed) return;
      const how = code === null ? `did not end within ${endMs} ms` : `ended with ${code}`;
      throw new Error(`what the specs shared was not closed: the process ${how}\n${said}`);
    },
  };
}

/** Undefined when the process is gone before it has one. */
async function outcomeOf(worker: ChildProcess, order: Order): Promise<Outcome | undefined> {
  const ended = new AbortController();
  const { signal } = ended;
  try {
    const answer = once(worker, 'message', { signal }) as Promise<[Outcome]>;
    const gone = once(worker, 'exit', { signal }).then(() => undefined);
    worker.send(order);
    const first = await Promise.race([answer, gone]);
    return first?.[0];
  } finally {
    ended.abort();
  }
}
