/** Methods that a path does not have, and headers that may come only once. */
import { expect } from 'chai';
import type { Reply, Route } from './route.js';
import { openTestServer, type TestServer } from './testing/kit.js';

const tenantRoute = (method: Route['method'], path: string): Route => ({
  summary: 's',
  tag: 't',
  replySchemas: { 200: {} },
  audience: 'tenant',
  permission: 'executions:read',
  method,
  path,
  handle: async () => ({ status: 200, body: {} }),
});

const routes: Route[] = [
  { ...tenantRoute('POST', '/echo'), bodySchema: { type: 'object' } },
  tenantRoute('GET', '/things/{id}'),
  tenantRoute('POST', '/things/special'),
  tenantRoute('GET', '/list'),
  {
    summary: 's',
    tag: 't',
    replySchemas: { 200: {} },
    audience: 'operator',
    method: 'GET',
    path: '/state',
    handle: async () => ({ status: 200, body: {} }),
  },
];

const elsewhere: Route[] = [
  tenantRoute('GET', '/echo'),
  tenantRoute('DELETE', '/things/{id}'),
  tenantRoute('GET', '/away'),
];

const mounts = [
  { path: '/healthz', handle: async (): Promise<Reply> => ({ status: 200, body: { ok: true } }) },
];

describe('the server', () => {
  let server: TestServer;

  before(async () => {
    server = await openTestServer({ routes, elsewhere, mounts });
  });
  after(() => server.close());

  describe('names the methods of a path that has others', () => {
    const methods = ['DELETE', 'OPTIONS', 'PATCH', 'PUT', 'TRACE'];
    const cases: readonly (readonly [path: string, method: string, allow: string])[] = [
      ...methods.map((method) => ['/v1/echo', method, 'GET, HEAD, POST'] as const),
      ...methods.slice(1).map((method) => ['/v1/things/a', method, 'DELETE, GET, HEAD'] as const),
      ...['PUT', 'GET', 'DELETE'].map((method) => ['/v1/things/special', method, 'POST'] as const),
      ['/api/v1/list', 'POST', 'GET, HEAD'],
      ['/admin/v1/state', 'TRACE', 'GET, HEAD'],
      ['/healthz', 'POST', 'GET, HEAD'],
      ['/v1/away', 'POST', 'GET, HEAD'],
    ];
    for (const [path, method, allow] of cases)
      it(`${method} ${path}: ${allow}`, async () => {
        const answer = await server.raw(
          `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
        );
        expect(answer).to.match(/^HTTP\/1\.1 405 /);
        expect(answer).to.contain(`\r\nallow: ${allow}\r\n`);
        expect(answer).to.contain('"code":"METHOD_NOT_ALLOWED"');
      });

    it('and answers 404 for a method that processes of another role serve', async () => {
      for (const [method, path] of [
        ['GET', '/v1/echo'],
        ['DELETE', '/v1/things/a'],
        ['HEAD', '/v1/away'],
      ] as const) {
        const { status, headers } = await server.ask(method, path);
        expect([status, headers['allow']]).to.deep.equal([404, undefined]);
      }
    });
  });

  describe('refuses a repeated header that has one value', () => {
    const repeated: readonly (readonly [name: string, one: string, two: string])[] = [
      ['authorization', 'Authorization: Bearer a', 'authorization: Bearer b'],
      ['idempotency-key', 'Idempotency-Key: a', 'idempotency-key: a'],
      ['content-type', 'content-type: application/json', 'Content-Type: text/plain'],
      ['x-admin-key', 'x-admin-key: a', 'x-admin-key: b'],
    ];
    for (const [name, ...lines] of repeated)
      it(name, async () => {
        const answer = await server.raw(
          `POST /v1/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${lines.join('\r\n')}\r\n` +
            'content-length: 2\r\n\r\n{}',
        );
        expect(answer).to.match(/^HTTP\/1\.1 400 /);
        expect(answer).to.contain(`{"field":"${name}","code":"repeated"`);
      });

    it('and takes lists and unknown headers as often as they come', async () => {
      const lines = ['accept: a/b', 'accept: c/d', 'x-own: 1', 'x-own: 2'];
      const answer = await server.raw(
        `GET /v1/list HTTP/1.1\r\nhost: x\r\nconnection: close\r\n` +
          `authorization: bearer ${server.apiKey}\r\n${lines.join('\r\n')}\r\n\r\n`,
      );
      expect(answer).to.match(/^HTTP\/1\.1 200 /);
    });
  });
});
