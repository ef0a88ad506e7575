/**
 * A child process that is kept alive.
 *
 *   down ──spawn──► starting ──says that it is ready──► ready
 *   starting, ready ──ends unasked──► down, for a pause (250 ms, doubling up to 5 s) ──► starting
 *   any ──stop()──► stopping ──ends, or is killed in time──► stopped
 *
 * While its hold file exists it stays down: whoever breaks it on purpose says for how long.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pause } from '../../infra/concurrency/pause.js';
import type { Log } from '../../infra/logger.js';
import type { PidFiles } from './pid-files.js';

export interface PartOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly ready: Readiness;
  readonly stopMs: number;
}

/** How it is found out that a process can be talked to, and where. */
export type Readiness =
  /** From the line that says so; undefined for every other line. */
  | { readonly in: (line: string) => string | undefined }
  /** One that says nothing is asked. */
  | { readonly at: string; readonly isUp: () => Promise<boolean> };

export interface Part {
  readonly name: string;
  readonly pid: number | undefined;
  /** Of the present process, once it is ready. */
  readonly address: string | undefined;
  /** Resolves when it is ready for the first time; rejects when it could not be, with its words. */
  readonly started: Promise<void>;
  /** SIGTERM, then SIGKILL when it takes too long. */
  stop(): Promise<void>;
}

export interface Surroundings {
  readonly pidFiles: PidFiles;
  /** Where hold files lie, by the names of parts. */
  readonly holdsDir: string;
  readonly log: Log;
  /** A line that a part said. */
  readonly onLine: (name: string, line: string) => void;
}

const PAUSE_MIN_MS = 250;
const PAUSE_MAX_MS = 5_000;
/** One that lived for so long did not fail because of how it was started. */
const LIVED_MS = 10_000;
const HOLD_POLL_MS = 100;
const UP_POLL_MS = 50;
/** Starts that fail before the first success: it is then no use to go on. */
const FIRST_TRIES = 3;
const WORDS_KEPT = 5;

interface State {
  child: ChildProcess | undefined;
  address: string | undefined;
  stopping: boolean;
  hasStarted: boolean;
  words: string[];
}

export function keepAlive(options: PartOptions, around: Surroundings): Part {
  const state: State = {
    child: undefined,
    address: undefined,
    stopping: false,
    hasStarted: false,
    words: [],
  };
  const ending = new AbortController();
  let onStarted: () => void = () => undefined;
  let onFailed: (error: Error) => void = () => undefined;
  const started = new Promise<void>((resolve, reject) => {
    onStarted = resolve;
    onFailed = reject;
  });
  // Who stops it before it is ready waits for nothing.
  started.catch(() => undefined);
  const ready = () => {
    state.hasStarted = true;
    onStarted();
  };
  const running = keepRunning(options, around, state, ready, ending.signal).catch(onFailed);
  return {
    name: options.name,
    get pid() {
      return state.child?.pid;
    },
    get address() {
      return state.address;
    },
    started,
    async stop() {
      state.stopping = true;
      ending.abort();
      const { child } = state;
      child?.kill('SIGTERM');
      child?.kill('SIGCONT'); // one that was frozen hears nothing before
      const tooLate = setTimeout(() => child?.kill('SIGKILL'), options.stopMs);
      await running;
      clearTimeout(tooLate);
      onFailed(new Error(`${options.name} was stopped before it was ready`));
    },
  };
}

async function keepRunning(
  options: PartOptions,
  around: Surroundings,
  state: State,
  onReady: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { name } = options;
  let pauseMs = PAUSE_MIN_MS;
  for (let tries = 1; !state.stopping; tries += 1) {
    const spawnedAt = performance.now();
    const end = await runOnce(options, around, state, onReady);
    if (state.stopping) return;
    const words = state.words.join(' | ');
    if (!state.hasStarted && tries === FIRST_TRIES)
      throw new Error(`${name} does not start (${end}): ${words}`);
    around.log.warn({ process: name, end }, `${name} has ended by itself; starting it again`);
    const lived = performance.now() - spawnedAt > LIVED_MS;
    pauseMs = lived ? PAUSE_MIN_MS : Math.min(pauseMs * 2, PAUSE_MAX_MS);
    if (state.hasStarted) pauseMs = Math.max(PAUSE_MIN_MS, pauseMs);
    await pause(pauseMs, signal);
    while (!state.stopping && existsSync(`${around.holdsDir}/${name}`)) {
      pauseMs = PAUSE_MIN_MS;
      await pause(HOLD_POLL_MS, signal);
    }
  }
}

/** How it ended. */
function runOnce(
  { name, command, args, env, cwd, ready }: PartOptions,
  { pidFiles, onLine }: Surroundings,
  state: State,
  onReady: () => void,
): Promise<string> {
  // A group of its own: Ctrl-C in the terminal reaches the cluster alone, which ends all in order.
  const child = spawn(command, args, {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  state.child = child;
  state.words = [];
  if (child.pid !== undefined) pidFiles.write(name, child.pid);
  const isReadyAt = (address: string) => {
    if (state.child !== child) return;
    state.address = address;
    onReady();
  };
  const hear = (line: string) => {
    const address = 'in' in ready ? ready.in(line) : undefined;
    if (address !== undefined) return isReadyAt(address);
    state.words = [...state.words.slice(1 - WORDS_KEPT), line];
    onLine(name, line);
  };
  if ('at' in ready)
    void untilUp(
      ready.isUp,
      () => state.child !== child,
      () => isReadyAt(ready.at),
    );
  for (const stream of [child.stdout, child.stderr])
    if (stream) createInterface({ input: stream }).on('line', hear);
  return new Promise((resolve) => {
    const over = (end: string) => {
      state.address = undefined;
      state.child = undefined;
      pidFiles.remove(name);
      resolve(end);
    };
    child.once('error', (error) => over(error.message));
    child.once('exit', (code, signal) => over(signal ?? `exit ${code}`));
  });
}

async function untilUp(
  isUp: () => Promise<boolean>,
  isOver: () => boolean,
  onUp: () => void,
): Promise<void> {
  while (!isOver()) {
    if (await isUp().catch(() => false)) return onUp();
    await sleep(UP_POLL_MS);
  }
}
