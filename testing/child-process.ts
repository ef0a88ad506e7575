/** A child whose every line of output is kept, and which never outlives the specs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Standard output and error, in order of arrival. */
  readonly lines: readonly string[];
  /** Settles when it is gone and everything it said has been read. */
  readonly exited: Promise<Exit>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly onLine?: (line: string) => void;
}

/** Ends with a slash; also from where the benchmarks are compiled to. */
export const repositoryRoot = `${rootAbove(dirname(fileURLToPath(import.meta.url)))}/`;

function rootAbove(folder: string): string {
  const above = dirname(folder);
  return above === folder || existsSync(join(folder, 'package-lock.json'))
    ? folder
    : rootAbove(above);
}

export function startChild(options: ChildOptions): Child {
  const { command, args, env, cwd = repositoryRoot, onLine } = options;
  const child = spawn(command, args, { cwd, env: { ...ownEnvironment(), ...env }, stdio: 'pipe' });
  child.stdin.end();
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      onLine?.(line);
    });
  const exited = new Promise<Exit>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  return { process: child, pid: child.pid ?? 0, lines, exited };
}

/** The answer, or a throw when there was none in time; the child is then ended. */
export async function exitOf(child: Child, deadlineMs: number): Promise<Exit> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), deadlineMs);
  });
  const exit = await Promise.race([child.exited, late]);
  clearTimeout(timer);
  if (exit !== 'late') return exit;
  child.process.kill('SIGKILL');
  await child.exited;
  throw new Error(`still running after ${deadlineMs} ms:\n${child.lines.slice(-30).join('\n')}`);
}

/** What a machine needs to run programs, and to install packages over its own network. */
const KEPT = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'npm_config_cache',
  'npm_config_registry',
  'NODE_EXTRA_CA_CERTS',
];

/** Nothing of ours: a developer's own settings must not steer the specs. */
function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(KEPT.flatMap((name) => entryOf(name)));
}

function entryOf(name: string): [string, string][] {
  const value = process.env[name];
  return value === undefined ? [] : [[name, value]];
}
