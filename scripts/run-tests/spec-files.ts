/** Which spec files there are, and how long each took when it last ran on this machine. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '../../testing/child-process.js';
import { pathsBelow } from '../../testing/repository-files.js';

/** `pure` needs no service, `store` real stores, `system` a whole running system. */
export type Kind = 'pure' | 'store' | 'system';

export interface SpecFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly kind: Kind;
  readonly lastMs: number;
}

export const KINDS: readonly Kind[] = ['pure', 'store', 'system'];
const DURATIONS = join(repositoryRoot, 'node_modules/.cache/spec-durations.json');
/** What a file is taken to need that never ran here. */
const UNKNOWN_MS: Readonly<Record<Kind, number>> = { pure: 200, store: 5_000, system: 15_000 };

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
  return { path, kind, lastMs: durations[path] ?? UNKNOWN_MS[kind] };
}

export function kindOf(path: string): Kind {
  if (path.endsWith('.int.spec.ts')) return 'store';
  return path.endsWith('.e2e.spec.ts') ? 'system' : 'pure';
}

async function lastDurations(): Promise<Durations> {
  const text = await readFile(DURATIONS, 'utf8').catch(() => '{}');
  return JSON.parse(text) as Durations;
}
