/** A server of the specs in a process of its own, which tells its memory when it is asked. */
import { openTestServer } from './kit.js';
import type { Route } from '../route.js';

export interface ServedProcess {
  readonly port: number;
  readonly apiKey: string;
}

const echo: Route = {
  summary: 's',
  tag: 't',
  replySchemas: { 200: {} },
  audience: 'tenant',
  permission: 'executions:read',
  method: 'POST',
  path: '/echo',
  bodySchema: { type: 'object' },
  handle: async ({ body }) => ({ status: 200, body: { keys: Object.keys(body as object).length } }),
};

const { port, apiKey } = await openTestServer({ routes: [echo] });
process.on('message', () => process.send?.(process.memoryUsage.rss()));
process.on('disconnect', () => process.exit(0));
process.send?.({ port, apiKey } satisfies ServedProcess);
