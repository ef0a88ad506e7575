/** The providers, in a process of their own that both sides call; their latency is 0. */
import { Client } from 'undici';
import { startSandbox } from '../../sandbox/server.js';
import { servePart } from './part.js';

export interface SandboxConfig {
  readonly dir: string;
}

servePart<SandboxConfig, string, never, null>(async ({ dir }) => {
  const sandbox = await startSandbox({ port: 0, dir });
  const client = new Client(sandbox.url);
  const answer = await client.request({
    method: 'PUT',
    path: '/_sandbox/behaviour',
    body: JSON.stringify({ aurora: { latency: 0 }, borealis: { latency: 0 } }),
  });
  if (answer.statusCode !== 200) throw new Error(await answer.body.text());
  await answer.body.dump();
  await client.close();
  return { ready: sandbox.url, answer: async () => null, close: () => sandbox.close() };
});
