/** Ends a process that this one started, whichever way this one ends. */
import { spawn } from 'node:child_process';

/** A shell waits for its standard input to close, and ends the process; answers with its end. */
export function endWithUs(pid: number): () => void {
  const shell = spawn('sh', ['-c', 'read -r _; kill -KILL "$0"', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return () => void shell.kill('SIGKILL');
}
