/** The providers, in a process of their own that both sides call. */
import { Client } from 'undici';
import { startSandbox } from '../../sandbox/server.js';
import { servePart } from './part.js';

export interface SandboxConfig {
  readonly dir: string;
  /** How long a call takes, in milliseconds. */
  readonly latency: number;
}

servePart<SandboxConfig, string, never, null>(async ({ dir, latency }) => {
  const sandbox = await startSandbox({ port: 0, dir });
  const client = new Client(sandbox.url);
  const answer = await client.request({
    method: 'PUT',
    path: '/_sandbox/behaviour',
    body: JSON.stringify({ aurora: { latency }, borealis: { latency } }),
  });
  if (answer.statusCode !== 200) throw new Error(await answer.body.text());
  await answer.body.dump();
  await client.close();
  return { ready: sandbox.url, answer: async () => null, close: () => sandbox.close() };
});
