import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A ModelRoute-like process of its own: started on a data folder, killed whenever a spec likes. */
export interface EmbeddedChild {
  readonly process: ChildProcess;
  /** Settles once its PostgreSQL is ready; rejects when it exits before. */
  readonly ready: Promise<{ readonly url: string; readonly postmasterPid: number }>;
  /** kill -9, and waits until it is gone. What it started is left behind. */
  kill(): Promise<void>;
}

/** `uid`: run it as that user. */
export function embeddedChild(dataDir: string, pgDir?: string, uid?: number): EmbeddedChild {
  const script = `
    import pino from 'pino';
    import { startEmbeddedPostgres } from ${JSON.stringify(embedded)};
    const [dataDir, pgDir] = ${JSON.stringify([dataDir, pgDir])};
    const log = pino({ level: 'silent' });
    try {
      const { url, postmasterPid } = await startEmbeddedPostgres({ dataDir, pgDir, log });
      console.log(JSON.stringify({ url, postmasterPid }));
      setInterval(() => undefined, 60_000);
    } catch (error) {
      console.log(JSON.stringify({ failed: String(error) }));
    }`;
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(uid !== undefined && { uid, gid: uid }),
    },
  );
  const exited = once(child, 'exit');
  const ready = firstLine(child);
  ready.catch(() => undefined); // a spec that kills it early does not wait for this
  return {
    process: child,
    ready,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

const embedded = new URL('../embedded/embedded.ts', import.meta.url).href;

async function firstLine(child: ChildProcess): Promise<{ url: string; postmasterPid: number }> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const said = JSON.parse(line) as { url: string; postmasterPid: number; failed?: string };
    if (said.failed === undefined) return said;
    throw new Error(said.failed);
  }
  throw new Error('The process ended before its PostgreSQL was ready.');
}
