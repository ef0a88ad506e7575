/**
 * The whole system as its users meet it: a process of its own, driven through the contract that
 * running.md states and through nothing else.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { atEnd } from './at-end.js';
import { startChild, exitOf, type Child, type Exit } from './child-process.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { SHIPPED_NODE_ARGS } from './node-args.js';

export interface SystemOptions {
  /** `all` unless given. */
  readonly roles?: string;
  /** Every role as processes of its own: `make cluster`, on what MODELROUTE_CLUSTER names. */
  readonly cluster?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A new one, removed at the end, unless given. */
  readonly dataDir?: string;
  /** Runs `dist/` instead of the source; MODELROUTE_TEST_BUILT=1 makes that the default. */
  readonly built?: boolean;
  /** Another Node than the one that runs the specs. */
  readonly node?: string;
  /** Hears every line of its log. */
  readonly onLine?: (line: string) => void;
}

export interface System {
  /** Changes with every start. */
  readonly baseUrl: string;
  readonly sandboxUrl: string;
  readonly dataDir: string;
  readonly adminKey: string;
  readonly pid: number;
  /** How long the last start took, from the command to the ready line. */
  readonly startedInMs: number;
  /** Messages of the log of the present process, in order. */
  messages(): readonly string[];
  /** Every line of the present process. */
  lines(): readonly string[];
  credentials(): Promise<Credentials>;
  postmasterPid(): Promise<number>;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  /** kill -9, and waits until it is gone. What it started is left behind. */
  kill9(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  exited(deadlineMs: number): Promise<Exit>;
  /** Starts the ended system again on its data folder. */
  restart(): Promise<void>;
  /** The same, without waiting: for those who mean to kill it before it is ready. */
  spawn(): void;
  /** Resolves once the present process has said that it is ready. */
  ready(): Promise<void>;
  /** Runs another command of the program beside it, with the same environment. */
  command(...args: string[]): Promise<{ readonly code: number | null; readonly output: string }>;
}

export interface Credentials {
  readonly base_url: string;
  readonly api_key: string;
  readonly admin_key: string;
  readonly organization_id: string;
  readonly webhook_secret: string;
}

const ADMIN_KEY = 'operator-key-of-the-specs';
const START_DEADLINE_MS = 120_000;
/** What it runs on may have to be fetched and built first. */
const CLUSTER_START_DEADLINE_MS = 300_000;
/** Ten seconds of drain, and what ending the database takes. */
const STOP_DEADLINE_MS = 20_000;
const COMMAND_DEADLINE_MS = 120_000;

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const home = await mkdtemp(join(tmpdir(), 'modelroute-system-'));
  const dataDir = options.dataDir ?? join(home, 'data');
  const sandboxPort = await freePort();
  const env = {
    PORT: '0',
    MODELROUTE_DATA_DIR: dataDir,
    MODELROUTE_ROLES: options.roles ?? 'all',
    MODELROUTE_ADMIN_KEY: ADMIN_KEY,
    MODELROUTE_DEMO: '0',
    // Specs ask faster than an organization may; those of limits set their own.
    MODELROUTE_RATE_LIMIT_PER_MINUTE: '0',
    MODELROUTE_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8',
    MODELROUTE_SANDBOX_PORT: String(sandboxPort),
    ...(options.cluster !== undefined && { MODELROUTE_CLUSTER: options.cluster }),
    ...options.env,
  };
  const deadMan = watchOver(home, dataDir);
  const system = openSystem(options, env, home, dataDir);
  atEnd(async () => {
    await system.stop();
    deadMan.kill('SIGKILL');
    await removeAll(home, dataDir);
  });
  await system.restart();
  return system;
}

/** The command line that starts ModelRoute's program with `args`. */
export function programOf(
  { built, node = process.execPath }: Pick<SystemOptions, 'built' | 'node'>,
  ...args: string[]
): { command: string; args: string[] } {
  const isBuilt = built ?? process.env['MODELROUTE_TEST_BUILT'] === '1';
  const program = isBuilt
    ? [...SHIPPED_NODE_ARGS, 'dist/cli/main.js']
    : ['--import', 'tsx', 'cli/main.ts'];
  return { command: node, args: [...program, ...args] };
}

const clusterProgram = {
  command: process.execPath,
  args: ['--import', 'tsx', 'test/cluster/main.ts'],
};

/** What says where its services are fetched from, and that `dist/` is there. */
const toolSettings = () =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value = '']) =>
      /^(GO|JAVA_|MAVEN_|XDG_|SSL_|https?_proxy|no_proxy|MODELROUTE_TEST_BUILT$)/i.test(name)
        ? [[name, value]]
        : [],
    ),
  );

/** How its replicas reach what they share, as the cluster writes it down. */
export async function clusterEnvironment(dataDir: string): Promise<Record<string, string>> {
  const text = await readFile(join(dataDir, 'environment'), 'utf8');
  const lines = [...text.matchAll(/^(\w+)='(.*)'$/gm)];
  return Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
}

function openSystem(
  options: SystemOptions,
  env: Readonly<Record<string, string>>,
  home: string,
  dataDir: string,
): System {
  const { present, start } = openProcess(options, env, home);
  const isReady = () => {
    if (isGone(present().child)) throw new Error(`it ended:\n${linesOf().join('\n')}`);
    return present().baseUrl;
  };
  const linesOf = () => present().child.lines;
  const startMs = options.cluster === undefined ? START_DEADLINE_MS : CLUSTER_START_DEADLINE_MS;
  const ready = async () => void (await eventually('the ready line', isReady, startMs));
  return {
    get baseUrl() {
      return present().baseUrl;
    },
    get pid() {
      return present().child.pid;
    },
    get startedInMs() {
      return present().startedInMs;
    },
    sandboxUrl: env['SANDBOX_URL'] ?? `http://127.0.0.1:${env['MODELROUTE_SANDBOX_PORT']}`,
    dataDir,
    adminKey: env['MODELROUTE_ADMIN_KEY'] ?? '',
    lines: linesOf,
    messages: () => linesOf().map(messageOf),
    credentials: async () =>
      JSON.parse(await readFile(join(dataDir, 'dev-credentials.json'), 'utf8')) as Credentials,
    postmasterPid: () => postmasterPidOf(dataDir),
    async stop() {
      const { child } = present();
      if (!isGone(child)) child.process.kill('SIGTERM');
      return (await exitOf(child, STOP_DEADLINE_MS)).code;
    },
    async kill9() {
      const { child } = present();
      child.process.kill('SIGKILL');
      await child.exited;
    },
    signal: (name) => void present().child.process.kill(name),
    exited: (deadlineMs) => exitOf(present().child, deadlineMs),
    spawn: start,
    ready,
    async restart() {
      start();
      await ready();
    },
    async command(...args) {
      const beside = startChild({ ...programOf(options, ...args), env });
      const { code } = await exitOf(beside, COMMAND_DEADLINE_MS);
      return { code, output: beside.lines.join('\n') };
    },
  };
}

interface Present {
  readonly child: Child;
  baseUrl: string;
  startedInMs: number;
}

/** The process of the last start. Its pid is written down for the shell that watches over it. */
function openProcess(
  options: SystemOptions,
  env: Readonly<Record<string, string>>,
  home: string,
): { readonly present: () => Present; readonly start: () => void } {
  let last: Present | undefined;
  return {
    present() {
      if (!last) throw new Error('The system was never started.');
      return last;
    },
    start() {
      const spawnedAt = performance.now();
      const child = startChild({
        ...(options.cluster === undefined ? programOf(options, 'serve') : clusterProgram),
        env: options.cluster === undefined ? env : { ...toolSettings(), ...env },
        onLine(line) {
          options.onLine?.(line);
          const url = readyUrlIn(line);
          if (!url) return;
          present.baseUrl = url;
          present.startedInMs = performance.now() - spawnedAt;
        },
      });
      const present: Present = { child, baseUrl: '', startedInMs: 0 };
      last = present;
      writeFileSync(join(home, 'pid'), String(child.pid));
    },
  };
}

const isGone = ({ process: { exitCode, signalCode } }: Child): boolean =>
  exitCode !== null || signalCode !== null;

const readyForm = /ModelRoute is ready on (http:\/\/127\.0\.0\.1:\d+)/;

export const isReadyLine = (line: string): boolean => readyForm.test(messageOf(line));

const readyUrlIn = (line: string): string | undefined => readyForm.exec(messageOf(line))?.[1];

function messageOf(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    return String((JSON.parse(line) as { msg?: unknown }).msg);
  } catch {
    return line;
  }
}

async function clusterOf(dataDir: string): Promise<string> {
  const text = await readFile(join(dataDir, 'postgres.json'), 'utf8');
  return resolve(dataDir, (JSON.parse(text) as { cluster: string }).cluster);
}

async function postmasterPidOf(dataDir: string): Promise<number> {
  const text = await readFile(join(await clusterOf(dataDir), 'postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}

/** As root the cluster lies outside the data folder. */
async function removeAll(home: string, dataDir: string): Promise<void> {
  const cluster = await clusterOf(dataDir).catch(() => undefined);
  if (cluster) await rm(dirname(cluster), { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
  if (!dataDir.startsWith(home)) await rm(dataDir, { recursive: true, force: true });
}

/**
 * A shell that waits for its standard input to close, which it does whichever way the specs end,
 * and then ends the process and its database and removes their folders.
 */
function watchOver(home: string, dataDir: string): ChildProcess {
  const script = `
    read -r _
    kill -KILL "$(cat "$0/pid")"
    cluster=$(sed -n 's/.*"cluster": *"\\([^"]*\\)".*/\\1/p' "$1/postgres.json")
    case "$cluster" in /*) home=$(dirname "$cluster") ;; ?*) cluster="$1/$cluster"; home=$1 ;; esac
    pid=$(head -n 1 "$cluster/postmaster.pid") && kill -QUIT "$pid"
    while kill -0 "$pid"; do sleep 0.1; done
    test -n "$home" && rm -rf "$home"
    rm -rf "$0"`;
  const child = spawn('sh', ['-c', script, home, dataDir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}
