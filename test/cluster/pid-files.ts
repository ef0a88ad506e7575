/**
 * Which processes the cluster started, written down so that none is left behind: a shell ends them
 * when the cluster itself was killed, and the next start looks once more.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  identify,
  signal,
  until,
  type ProcessIdentity,
} from '../../infra/postgres/embedded/process.js';

export interface PidFiles {
  /** Synchronous, so that no process is ever without its file. */
  write(name: string, pid: number): void;
  remove(name: string): void;
}

export function openPidFiles(dir: string): PidFiles {
  const fileOf = (name: string) => join(dir, name);
  return {
    write(name, pid) {
      writeFileSync(fileOf(name), `${pid}\n`);
      void identify(pid).then((identity) => {
        if (identity && readPid(fileOf(name)) === pid)
          writeFileSync(fileOf(name), `${pid}\n${JSON.stringify(identity)}\n`);
      });
    },
    remove: (name) => rmSync(fileOf(name), { force: true }),
  };
}

/** Ends what an earlier cluster left, after checking that it is the very process it started. */
export async function endLeftovers(dir: string): Promise<readonly string[]> {
  mkdirSync(dir, { recursive: true });
  const ended: string[] = [];
  for (const name of readdirSync(dir)) {
    const left = identityIn(join(dir, name));
    const lives = async () => left && (await identify(left.pid))?.started === left.started;
    if (left && (await lives())) {
      signal(left.pid, 'SIGKILL');
      await until(async () => !(await lives()), 5_000);
      ended.push(name);
    }
    rmSync(join(dir, name), { force: true });
  }
  return ended;
}

/**
 * A shell that waits for its standard input to close, which it does whichever way this process
 * ends, and then ends what is written down. After an orderly end nothing is.
 */
export function watchOver(dir: string): void {
  const script = `
    read -r _
    for file in "$0"/*; do
      test -f "$file" && kill -KILL "$(head -n 1 "$file")"
    done`;
  const child = spawn('sh', ['-c', script, dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

/** Undefined when it was killed before it could be written: the shell has seen to that one. */
function identityIn(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8').split('\n')[1] ?? '') as ProcessIdentity;
  } catch {
    return undefined;
  }
}
