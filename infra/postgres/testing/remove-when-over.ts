import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A shell that waits for its standard input to close, which it does whichever way this process
 * ends, and then ends the server and removes its folders.
 */
export function removeWhenOver(cluster: string, folders: readonly string[]): ChildProcess {
  const script = `
    read -r _
    pid=$(head -n 1 "$0/postmaster.pid") && kill -QUIT "$pid"
    while kill -0 "$pid"; do sleep 0.1; done
    rm -rf "$@"`;
  const child = spawn('sh', ['-c', script, cluster, ...folders], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}
