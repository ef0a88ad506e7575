/** The sandbox in a process of its own, and what it saw. */
import { Client } from 'undici';
import type { SandboxConfig } from '../baselines/sandbox.js';
import { startPart } from '../children.js';
import type { Defer } from '../defer.js';
import type { Bench } from '../cell.js';

export async function startSandboxPart(
  { databases }: Bench,
  defer: Defer,
  latency = 0,
): Promise<string> {
  const config: SandboxConfig = { dir: await databases.folder('sandbox'), latency };
  const part = await startPart<string, never, null>('baselines/sandbox.js', config);
  defer(() => part.stop());
  return part.ready;
}

/** Calls that reached it since it was started. */
export async function sandboxCalls(url: string): Promise<number> {
  const client = new Client(url);
  const answer = await client.request({ method: 'GET', path: '/_sandbox/healthz' });
  const { calls } = (await answer.body.json()) as { calls: number };
  await client.close();
  return calls;
}
