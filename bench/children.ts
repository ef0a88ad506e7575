/** Processes that the benchmarks start: parts that are talked to, servers that log to a file. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../testing/dead-man.js';

/** A process of ours that does one thing when asked; see baselines/part.ts for its other end. */
export interface Part<Ready, Ask, Answer> {
  readonly ready: Ready;
  readonly pid: number;
  ask(question: Ask): Promise<Answer>;
  stop(): Promise<void>;
}

type Message<T> = { readonly value: T } | { readonly error: string };

/** `entry` is the compiled file below bench/; `config` must be JSON. */
export async function startPart<Ready, Ask extends object, Answer>(
  entry: string,
  config: object,
): Promise<Part<Ready, Ask, Answer>> {
  const file = fileURLToPath(new URL(entry, import.meta.url));
  const child = fork(file, [JSON.stringify(config)], { env: PRODUCTION });
  const exited = once(child, 'exit');
  const hear = async <T>(): Promise<T> => {
    const said = (await Promise.race([once(child, 'message'), exited.then(() => [])])) as unknown[];
    const message = said[0] as Message<T> | undefined;
    if (!message) throw new Error(`${entry} has ended`);
    if ('error' in message) throw new Error(`${entry}: ${message.error}`);
    return message.value;
  };
  const ready = await hear<Ready>();
  return {
    ready,
    pid: child.pid ?? 0,
    ask(question) {
      const answer = hear<Answer>();
      child.send(question);
      return answer;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

interface ServerOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** What it says once it is ready; its first group is the answer. */
  readonly ready: RegExp;
  readonly readyMs?: number;
}

export interface Server {
  readonly url: string;
  readonly pid: number;
  /** Holds it still where it is; it knows nothing of the time that passes. */
  pause(): void;
  resume(): void;
  /** In order, by SIGTERM; rejects when it does not end with 0. */
  stop(): Promise<void>;
}

const READY_MS = 60_000;

/** Its output goes straight to the file: reading it here would cost the measurement. */
export async function startServer(program: string, options: ServerOptions): Promise<Server> {
  const { args, env, logFile, ready, readyMs = READY_MS } = options;
  const log = await open(logFile, 'a');
  const child = spawn(program, args, {
    stdio: ['ignore', log.fd, log.fd],
    env: { ...PRODUCTION, ...env },
  });
  await log.close();
  const exited = once(child, 'exit');
  const endWatch = endWithUs(child.pid ?? 0);
  const url = await readyUrl(child, logFile, ready, readyMs);
  return {
    url,
    pid: child.pid ?? 0,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const [code, signal] = (await exited) as [number | null, string | null];
      endWatch();
      if (code !== 0) throw new Error(`${program} ended with ${code ?? signal}; see ${logFile}`);
    },
  };
}

async function readyUrl(
  child: ChildProcess,
  logFile: string,
  ready: RegExp,
  readyMs: number,
): Promise<string> {
  const deadline = performance.now() + readyMs;
  for (;;) {
    const text = await readFile(logFile, 'utf8');
    const url = ready.exec(text)?.[1];
    if (url) return url;
    if (child.exitCode !== null) throw new Error(`it ended early: ${text.slice(-2000)}`);
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`not ready within ${readyMs} ms: ${text.slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const PRODUCTION = { ...process.env, NODE_ENV: 'production' };
