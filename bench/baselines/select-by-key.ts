/**
 * Baseline of R7: the least that a read can be. A bare http server without keys that selects one
 * row of the same table by its primary key and answers it as JSON.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { servePart } from './part.js';

export interface SelectConfig {
  readonly url: string;
  readonly connections: number;
}

servePart<SelectConfig, string, never, null>(async ({ url, connections }) => {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  const select = { name: 'one', text: 'SELECT * FROM readmodel.executions WHERE id = $1' };
  const server = createServer((request, response) => {
    const id = (request.url ?? '').slice('/v1/executions/'.length);
    pool.query({ ...select, values: [id] }).then(
      ({ rows: [row] }) => {
        const body = row ? JSON.stringify(row) : '{}';
        const headers = {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        };
        response.writeHead(row ? 200 : 404, headers).end(body);
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: async () => null,
    async close() {
      server.closeAllConnections();
      await pool.end();
    },
  };
});
