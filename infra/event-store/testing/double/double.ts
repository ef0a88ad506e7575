/** A protocol double of EventStoreDB as a child process, which specs kill, freeze and instruct. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { endWithUs } from '../../../../testing/dead-man.js';
import { freePort } from '../../../../testing/free-port.js';
import { repositoryRoot } from '../../../../testing/child-process.js';
import { SETTINGS, type Behaviour } from './behaviour.js';
import type { DoubleStatus } from './control.js';
import type { Certificate } from './certificate.js';
import type { Deed } from './nodes.js';
import { doubleProgram } from './program.js';

export interface EventStoreDouble {
  /** What `EVENTSTORE_URL` is set to. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it is gone, up to `graceMs` later while clients are connected. */
  endGracefully(): Promise<void>;
  /** Starts it again on the same port and folder, after a kill -9 when it still runs. */
  restart(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Changes the named knobs and leaves the rest; doses end with the process. */
  behave(knobs: Behaviour): Promise<void>;
  /** What is written from now on is not indexed, answered or read before so much time is over. */
  stall(forMs: number): Promise<void>;
  /** Puts so many events of the server's own at the end of the log; they take no disk or memory. */
  pretendSystemEvents(count: number): Promise<void>;
  /** Drops all subscribers as slow consumers; answers with how many there were. */
  dropSubscribers(): Promise<number>;
  /** What becomes of a node of a cluster; the first one is 0, and leads at the start. */
  node(deed: Deed, number: number): Promise<void>;
  status(): Promise<DoubleStatus>;
  close(): Promise<void>;
}

export interface DoubleOptions {
  /** The folder of the log; what is in it is kept. */
  readonly dir: string;
  readonly port?: number;
  readonly behaviour?: Behaviour;
  /** A cluster of so many nodes, in one process. */
  readonly nodes?: number;
  /** Callers come with TLS; only so the client sends its credentials. */
  readonly certificate?: Certificate;
}

interface Running {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly control: string;
}

/** A log of a million events is read in a few seconds. */
const READY_MS = 30_000;

export async function startEventStoreDouble(options: DoubleOptions): Promise<EventStoreDouble> {
  const port = options.port ?? (await freePort());
  const peers = await Promise.all(Array.from({ length: (options.nodes ?? 1) - 1 }, freePort));
  const ports = [port, ...peers];
  let behaviour: Behaviour = options.behaviour ?? {};
  const start = () => run(options, ports, behaviour);
  let running = await start();
  /** A frozen child cannot see that its parent ended. */
  let endWatch: (() => void) | undefined;

  const thaw = () => {
    endWatch?.();
    endWatch = undefined;
    running.process.kill('SIGCONT');
  };
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (running.process.exitCode !== null || running.process.signalCode !== null) return;
    const exited = once(running.process, 'exit');
    running.process.kill(signal);
    await exited;
  };
  const kill = async () => {
    endWatch?.();
    endWatch = undefined;
    await end('SIGKILL');
  };

  return {
    url: urlOf(ports, options.certificate),
    port,
    get pid() {
      return running.pid;
    },
    kill,
    endGracefully: () => end('SIGTERM'),
    restart: async () => {
      await kill();
      running = await start();
    },
    freeze: () => {
      running.process.kill('SIGSTOP');
      endWatch ??= endWithUs(running.pid);
    },
    thaw,
    behave: async (knobs) => {
      behaviour = { ...behaviour, ...settingsIn(knobs) };
      await ask(running, 'POST', 'behave', JSON.stringify(knobs));
    },
    stall: async (forMs) => {
      await ask(running, 'POST', 'stall', JSON.stringify({ forMs }));
    },
    pretendSystemEvents: async (count) => {
      await ask(running, 'POST', 'pretend', JSON.stringify({ count }));
    },
    dropSubscribers: async () => {
      const { dropped } = (await ask(running, 'POST', 'drop')) as { readonly dropped: number };
      return dropped;
    },
    node: async (deed, number) => {
      await ask(running, 'POST', 'node', JSON.stringify({ deed, node: number }));
    },
    status: async () => (await ask(running, 'GET', '')) as DoubleStatus,
    close: kill,
  };
}

async function run(
  { dir, certificate }: DoubleOptions,
  [port, ...peers]: readonly number[],
  behaviour: Behaviour,
): Promise<Running> {
  const args = [doubleProgram(), '--dir', dir, '--port', `${port}`, '--with-parent'];
  args.push('--behaviour', JSON.stringify(behaviour));
  if (peers.length > 0) args.push('--peers', peers.join());
  if (certificate) args.push('--tls-key', certificate.keyFile, '--tls-cert', certificate.certFile);
  const child = spawn(process.execPath, args, {
    cwd: repositoryRoot,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const ready = new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${why}\n${said.slice(-20).join('\n')}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`the event store double was not ready within ${READY_MS} ms`);
    }, READY_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      clearTimeout(timer);
      resolve(line);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(`the event store double ended (${code ?? signal})`);
    });
  });
  const line = await ready;
  const control = /control (http:\S+)/.exec(line)?.[1];
  if (!control || child.pid === undefined) throw new Error(`not understood: ${line}`);
  return { process: child, pid: child.pid, control };
}

const urlOf = (ports: readonly number[], certificate: Certificate | undefined): string =>
  certificate
    ? `esdb://localhost:${ports.join()}?tlsCAFile=${certificate.certFile}`
    : `esdb://${ports.map((port) => `127.0.0.1:${port}`).join()}?tls=false`;

/** What a restart keeps of a behaviour. */
const settingsIn = (behaviour: Behaviour): Behaviour =>
  Object.fromEntries(
    SETTINGS.filter((name) => behaviour[name] !== undefined).map((name) => [name, behaviour[name]]),
  );

async function ask({ control }: Running, method: string, path: string, body?: string) {
  const response = await fetch(`${control}/${path}`, { method, ...(body && { body }) });
  const answer = await response.text();
  if (!response.ok)
    throw new Error(`the event store double answered ${response.status}: ${answer}`);
  return JSON.parse(answer) as unknown;
}
