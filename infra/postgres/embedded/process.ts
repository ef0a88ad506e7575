import { execFile } from 'node:child_process';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * What the embedded database must know about other processes. A pid alone is not an identity, since
 * pids are used again; a pid with its start is.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/** Whom a child runs as; empty: as ourselves. */
export type RunAs = { readonly uid: number; readonly gid: number } | Record<string, never>;

/** The identity of a live process, or undefined: a zombie is dead, only nobody has collected it. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  if (!signalReaches(pid)) return undefined;
  if (process.platform === 'linux') {
    const stat = await readOrUndefined(`/proc/${pid}/stat`);
    if (stat === undefined) return undefined;
    // The name in parentheses may hold spaces; state is the first field after it, start the 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = await readOrUndefined('/proc/sys/kernel/random/boot_id');
    return { pid, started: `${boot?.trim() ?? 'boot'}/${fields[19] ?? ''}` };
  }
  if (process.platform === 'win32') return { pid, started: 'unknown' };
  const { code, output } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]);
  return code === 0 ? { pid, started: output.trim() } : undefined;
}

/** Is this pid a PostgreSQL process of the cluster in `cluster` (a real path)? */
export async function worksIn(pid: number, cluster: string): Promise<boolean> {
  if ((await identify(pid)) === undefined) return false;
  if (process.platform === 'linux') {
    // Every PostgreSQL process makes its data directory the working directory.
    if ((await readLinkOrUndefined(`/proc/${pid}/cwd`)) !== cluster) return false;
    const program = (await readLinkOrUndefined(`/proc/${pid}/exe`)) ?? '';
    return basename(program.replace(/ \(deleted\)$/, '')) === 'postgres';
  }
  if (process.platform === 'win32') return true;
  const { output } = await run('ps', ['-o', 'command=', '-p', String(pid)]);
  return output.includes('postgres') && output.includes(cluster);
}

/** All processes of the cluster, its postmaster included. Known on Linux alone; elsewhere empty. */
export async function allWorkingIn(cluster: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const ours = await Promise.all(pids.map((pid) => worksIn(pid, cluster)));
  return pids.filter((_, index) => ours[index]);
}

/** Sends a signal to a process that may have ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Polls until `condition` gives something other than false; false once the deadline has passed. */
export async function until<T>(
  condition: () => Promise<T | false>,
  deadlineMs: number,
  intervalMs = 20,
): Promise<T | false> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = await condition();
    if (found !== false || performance.now() >= end) return found;
    await delay(intervalMs);
  }
}

export interface Finished {
  readonly code: number | string;
  /** stdout and stderr, one after the other. */
  readonly output: string;
}

/**
 * Runs a program to its end; one that cannot even be started answers with the errno as its code.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: { runAs?: RunAs; cwd?: string } = {},
): Promise<Finished> {
  const settings = { cwd: options.cwd ?? '/', env: childEnvironment, ...options.runAs };
  return new Promise((resolve) => {
    execFile(program, args, settings, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? 'killed') : 0, output: stdout + stderr });
    });
  });
}

/**
 * Children get no variable of ours: PGOPTIONS and the like would change them, and our secrets are
 * none of their business.
 */
export const childEnvironment: NodeJS.ProcessEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
};

function signalReaches(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

async function readLinkOrUndefined(path: string): Promise<string | undefined> {
  return readlink(path).catch(() => undefined);
}
