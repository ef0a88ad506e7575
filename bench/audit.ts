/** `modelroute verify` on what a cell has left behind: whether its speed counts at all. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Databases } from './database.js';
import { CLI, MASTER_KEY } from './modelroute.js';

interface AuditOptions {
  readonly databases: Databases;
  readonly databaseUrl: string;
  /** Everything that was begun must have ended, and read models must be what a rebuild gives. */
  readonly settled: boolean;
  /** The sandbox that was called. */
  readonly sandboxUrl?: string;
  /** The parts that the system uses instead of the embedded ones. */
  readonly env?: Readonly<Record<string, string>>;
}

interface Verified {
  readonly findings: readonly {
    readonly invariant: string;
    readonly subject: string;
    readonly problem: string;
  }[];
}

/** What is wrong, one sentence each; nothing when all is well. */
export async function audit(options: AuditOptions): Promise<string[]> {
  const { databases, databaseUrl, settled, sandboxUrl, env = {} } = options;
  const args = [
    ...['verify', '--json', '--max-findings', '5', settled ? '--settled' : '--skip-rebuild'],
    ...(sandboxUrl === undefined ? [] : ['--receiver-record', `${sandboxUrl}/_sandbox/calls`]),
  ];
  const dataDir = await databases.folder('audit');
  const auditor = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...env,
      DATABASE_URL: databaseUrl,
      MODELROUTE_DATA_DIR: dataDir,
      MODELROUTE_MASTER_KEY: MASTER_KEY,
    },
  });
  const [said, complained, [code]] = await Promise.all([
    text(auditor.stdout),
    text(auditor.stderr),
    once(auditor, 'exit') as Promise<[number | null]>,
  ]);
  if (code === 0) return [];
  if (code !== FOUND) throw new Error(`modelroute verify ended with ${code}: ${complained}`);
  const { findings } = JSON.parse(said) as Verified;
  return findings.map(({ invariant, subject, problem }) => `${invariant} ${subject}: ${problem}`);
}

/** The exit code that means: something is wrong. */
const FOUND = 2;
