/** Which spec files there are, and how long each took when it last ran on this machine. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '../../testing/child-process.js';
import { pathsBelow, textOf } from '../../testing/repository-files.js';

/**
 * `pure` needs no service, `store` real stores, `system` a whole running system; `kafka` is a store
 * whose broker is started once for all that need one, `cluster` a system of two dozen processes.
 */
export type Kind = 'pure' | 'store' | 'kafka' | 'system' | 'cluster';

export interface SpecFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly kind: Kind;
  readonly lastMs: number;
}

export const KINDS: readonly Kind[] = ['pure', 'store', 'kafka', 'system', 'cluster'];
const DURATIONS = join(repositoryRoot, 'node_modules/.cache/spec-durations.json');
/** What a file is taken to need that never ran here. */
const UNKNOWN_MS: Readonly<Record<Kind, number>> = {
  pure: 200,
  store: 5_000,
  kafka: 30_000,
  system: 15_000,
  cluster: 150_000,
};
/** The same of those that need much longer than others of their kind. */
export const LONG_MS: Readonly<Record<string, number>> = {
  'infra/event-bus/kafka/faults.int.spec.ts': 65_000,
  'infra/postgres/embedded/embedded.int.spec.ts': 32_000,
  'infra/postgres/versions.int.spec.ts': 38_000,
  'processors/poll-provider-jobs/poll-provider-jobs.int.spec.ts': 21_000,
  'processors/run-execution/busy.int.spec.ts': 36_000,
  'processors/run-execution/waiting.int.spec.ts': 21_000,
  'test/commands.e2e.spec.ts': 30_000,
  'test/disk-full.e2e.spec.ts': 28_000,
  'test/event-store-server.e2e.spec.ts': 30_000,
  'test/log-transfer.e2e.spec.ts': 30_000,
  'test/silence.e2e.spec.ts': 50_000,
  'test/storm.e2e.spec.ts': 50_000,
};

/** The longest first: what begins late must be short. */
export async function specFiles(kinds: readonly Kind[]): Promise<readonly SpecFile[]> {
  const durations = await lastDurations();
  const paths = pathsBelow().filter((path) => path.endsWith('.spec.ts'));
  return paths
    .map((path) => specFile(path, durations))
    .filter(({ kind }) => kinds.includes(kind))
    .sort((a, b) => b.lastMs - a.lastMs || (a.path < b.path ? -1 : 1));
}

export async function rememberDurations(took: ReadonlyMap<string, number>): Promise<void> {
  const durations = { ...(await lastDurations()), ...Object.fromEntries(took) };
  await mkdir(dirname(DURATIONS), { recursive: true });
  await writeFile(DURATIONS, `${JSON.stringify(durations, null, 1)}\n`);
}

type Durations = Readonly<Record<string, number>>;

function specFile(path: string, durations: Durations): SpecFile {
  const kind = kindOf(path);
  return { path, kind, lastMs: durations[path] ?? LONG_MS[path] ?? UNKNOWN_MS[kind] };
}

export function kindOf(path: string): Kind {
  if (path.endsWith('.int.spec.ts'))
    return textOf(path).includes("/testing/broker.js'") ? 'kafka' : 'store';
  if (!path.endsWith('.e2e.spec.ts')) return 'pure';
  return path.startsWith('test/cluster/') ? 'cluster' : 'system';
}

async function lastDurations(): Promise<Durations> {
  const text = await readFile(DURATIONS, 'utf8').catch(() => '{}');
  return JSON.parse(text) as Durations;
}
