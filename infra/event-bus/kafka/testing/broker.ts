/** A real Kafka broker for specs, by the project's own script: one shared, or one of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { atEnd } from '../../../../testing/at-end.js';
import { repositoryRoot } from '../../../../testing/child-process.js';
import { eventually } from '../../../../testing/eventually.js';
import { temporaryFolder } from '../../../../testing/folders.js';

export interface KafkaBroker {
  /** `host:port`; the same after a restart. */
  readonly brokers: string;
  /** kill -9 of the broker. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
  /** Also without it, it ends with the specs. */
  close(): Promise<void>;
}

/**
 * The broker of this run of specs, started when it is first asked for; or why there is none: the
 * machine lacks what it needs. In CI that is a failure.
 */
export function sharedKafka(): Promise<KafkaBroker | string> {
  return (shared ??= startKafka().catch((error: Error) => {
    if (process.env['CI']) throw error;
    return error.message;
  }));
}

let shared: Promise<KafkaBroker | string> | undefined;

/** Fetching the program the first time is most of it. */
const START_DEADLINE_MS = 180_000;

interface KafkaOptions {
  /** A folder of its own unless one is given. */
  readonly dir?: string;
  /** The port of a proxy before it, which clients are told to connect to. */
  readonly advertise?: number;
}

/** One of its own, on a free port. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaBroker> {
  const folder = await temporaryFolder();
  const { dir = folder.dir, advertise } = options;
  let present = await start(dir, 0, advertise);
  const { port } = present;
  const close = async () => {
    await present.end();
    await folder.remove();
  };
  atEnd(close);
  return {
    brokers: `127.0.0.1:${port}`,
    kill9: () => present.end(),
    restart: async () => {
      present = await start(dir, port, advertise);
    },
    close,
  };
}

interface Started {
  readonly port: number;
  end(): Promise<void>;
}

async function start(dir: string, port: number, advertise?: number): Promise<Started> {
  const args = ['scripts/kafka.mjs', '--tied', '--dir', dir, '--port', String(port)];
  if (advertise !== undefined) args.push('--advertise', String(advertise));
  const child = spawn(process.execPath, args, { cwd: repositoryRoot, stdio: 'pipe' });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  const readyLine = () => lines.map((line) => READY.exec(line)).find(Boolean);
  await eventually('Kafka is ready', () => isGone() || readyLine(), START_DEADLINE_MS);
  const [, at, pid] = readyLine() ?? [];
  if (at === undefined) throw new Error(`Kafka could not be started: ${lines.at(-1)}`);
  return { port: Number(at), end: () => killed(child, Number(pid)) };
}

const READY = /ready on 127\.0\.0\.1:(\d+) \(pid (\d+)\)/;

/** Its data is not wanted any more, or was meant to be left as it is: no farewell. */
async function killed(child: ChildProcess, pid: number): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself; the script is about to end as well.
  }
  await gone;
}
