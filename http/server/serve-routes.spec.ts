import { expect } from 'chai';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { eventually } from '../../testing/eventually.js';
import { StoreOverloaded, StoreUnavailable } from '../../infra/event-store/port.js';
import { Refusal, type Reply, type Route } from './route.js';
import {
  ADMIN_KEY,
  openTestServer,
  type Answer,
  type Asking,
  type TestServer,
} from './testing/kit.js';

const shape = { summary: 's', tag: 't', replySchemas: { 200: {} } };
const echoSchema = {
  type: 'object',
  properties: { text: { type: 'string', maxLength: 10 }, more: { type: 'object' } },
  required: ['text'],
  additionalProperties: false,
};

let release: (() => void) | undefined;
const failures: Record<string, () => Error> = {
  overloaded: () => new StoreOverloaded(),
  unavailable: () => new StoreUnavailable('no'),
  bug: () => new Error('a secret that only the log may know'),
  refused: () => new Refusal('CONFLICT', 'Not so.', [{ field: 'a', code: 'b', message: 'c' }]),
};

type TenantRoute = Extract<Route, { audience: 'tenant' }>;
type Handle = TenantRoute['handle'];

const tenantRoute = (
  method: Route['method'],
  path: string,
  handle: Handle,
  more: Partial<TenantRoute> = {},
): Route => ({
  ...shape,
  audience: 'tenant',
  permission: 'executions:read',
  method,
  path,
  handle,
  ...more,
});

const echo: Handle = async ({ body }) => ({
  status: 202,
  headers: { location: '/v1/somewhere' },
  body,
  logFields: { executionId: 'exec_1' },
});
const thing: Handle = async ({ params, path, query }) => ({
  status: 200,
  body: { params: { ...params }, path, q: query.get('q') },
});
const fail: Handle = async ({ params }) => {
  throw failures[params['how'] ?? '']?.() ?? new Refusal('NOT_FOUND');
};
const list: Handle = async ({ queryValues }) => ({ status: 200, body: { ...queryValues } });
const stream: Handle = async () => ({
  status: 200,
  headers: { 'content-type': 'text/plain', 'content-length': '6' },
  stream: Readable.from([Buffer.from('abc'), Buffer.from('def')]),
});
const slow: Handle = async () => {
  await new Promise<void>((resolve) => (release = resolve));
  return { status: 200, body: { done: true } };
};
const listQuery = {
  type: 'object',
  properties: { limit: { type: 'integer', maximum: 10, default: 5 }, on: { type: 'boolean' } },
  additionalProperties: false,
};

const routes: Route[] = [
  tenantRoute('POST', '/echo', echo, { bodySchema: echoSchema }),
  tenantRoute('GET', '/things/{id}', thing),
  tenantRoute('POST', '/things/special', async () => ({ status: 204 })),
  tenantRoute('GET', '/fail/{how}', fail),
  tenantRoute('GET', '/list', list, { querySchema: listQuery }),
  tenantRoute('GET', '/stream', stream),
  tenantRoute('GET', '/slow', slow),
  tenantRoute('GET', '/full', async () => ({ status: 200, body: {} }), {
    permission: 'keys:read',
  }),
  {
    ...shape,
    audience: 'operator',
    method: 'GET',
    path: '/state',
    handle: async () => ({ status: 200, body: { operator: true } }),
  },
];

const mounts = [
  { path: '/healthz', handle: async (): Promise<Reply> => ({ status: 200, body: { ok: true } }) },
];

describe('serveRoutes', () => {
  let server: TestServer;

  before(async () => {
    server = await openTestServer({ routes, mounts });
  });
  after(() => server.close());

  const errorOf = ({ json }: Answer) => (json as { error: Record<string, unknown> }).error;

  it('answers with request id, length, and what the route says', async () => {
    const { status, headers, json } = await server.ask('POST', '/v1/echo', { body: { text: 'a' } });
    expect(status).to.equal(202);
    expect(json).to.deep.equal({ text: 'a' });
    expect(headers['location']).to.equal('/v1/somewhere');
    expect(headers['x-request-id']).to.match(/^req_[0-9a-f-]{36}$/);
    expect(headers['content-type']).to.equal('application/json; charset=utf-8');
    expect(headers['content-length']).to.equal('12');
    expect(headers).not.to.have.any.keys('x-powered-by', 'etag');
  });

  it("keeps the caller's sane request id and no other", async () => {
    const idOf = async (id: string) =>
      (await server.ask('GET', '/v1/things/a', { headers: { 'x-request-id': id } })).headers[
        'x-request-id'
      ];
    expect(await idOf('trace/1:2')).to.equal('trace/1:2');
    expect(await idOf('x'.repeat(129))).to.match(/^req_/);
    expect(await idOf('a b')).to.match(/^req_/);
  });

  describe('answers each request with its status', () => {
    const cases: readonly (readonly [number, string, string, Asking?])[] = [
      [202, 'POST', '/v1/echo', { body: { text: 'a', more: { constructor: 1 } } }],
      [202, 'POST', '/api/v1/echo', { body: { text: 'ä'.repeat(3) } }],
      [202, 'POST', '/v1/echo?x=1', { body: { text: 'a' } }],
      [400, 'POST', '/v1/echo', { body: {} }],
      [400, 'POST', '/v1/echo', { body: { text: 'far too long', other: 1 } }],
      [400, 'POST', '/v1/echo', { body: 'no json' }],
      [413, 'POST', '/v1/echo', { body: Buffer.alloc(2 * 1024 * 1024, 0x20) }],
      [400, 'POST', '/v1/echo', { body: 'a=1', headers: { 'content-type': 'text/plain' } }],
      [400, 'POST', '/v1/echo', { body: '{}', headers: { 'content-encoding': 'gzip' } }],
      [401, 'POST', '/v1/echo', { body: '{}', headers: { authorization: 'Bearer nobody' } }],
      [400, 'POST', '/v1/echo', { body: '{}', headers: { accept: 'application/problem+json' } }],
      [404, 'POST', '/v1/echo/', { body: '{}' }],
      [404, 'POST', '/V1/echo', { body: '{}' }],
      [405, 'PUT', '/v1/echo', { body: '{}' }],
      [200, 'HEAD', '/v1/things/abc'],
      [200, 'GET', '/v1/things/abc'],
      [200, 'GET', '/api/v1/things/abc?q=%20z'],
      [200, 'GET', '/v1/things/a%2Fb'],
      [400, 'GET', '/v1/things/%zz'],
      [400, 'GET', '/v1/things/a%00b'],
      [400, 'GET', '/v1/things/%ed%a0%80'],
      [400, 'GET', '/v1/things/a?q=%00'],
      [400, 'GET', '/v1/list?limit=%ff'],
      [404, 'GET', '/v1/things/'],
      [405, 'GET', '/v1/things/special'],
      [204, 'POST', '/v1/things/special'],
      [200, 'GET', '/v1/list?limit=7&on=true'],
      [400, 'GET', '/v1/list?limit=70&other=1'],
      [400, 'GET', '/v1/list?limit=1&limit=2'],
      [503, 'GET', '/v1/fail/overloaded'],
      [503, 'GET', '/v1/fail/unavailable'],
      [500, 'GET', '/v1/fail/bug'],
      [409, 'GET', '/v1/fail/refused'],
      [200, 'GET', '/v1/full'],
      [404, 'GET', '/v1/nothing'],
      [404, 'GET', '/nothing'],
      [200, 'GET', '/healthz'],
    ];
    for (const [status, method, path, asking] of cases)
      it(`${status} ${method} ${path} ${JSON.stringify(asking?.headers ?? {})}`, async () => {
        const answer = await server.ask(method, path, asking);
        expect(answer.status, answer.text).to.equal(status);
        if (method !== 'HEAD' && status >= 400) expect(answer.json).to.be.an('object');
      });
  });

  it('decodes the value of a parameter, and nothing else', async () => {
    const paramsOf = async (path: string) =>
      ((await server.ask('GET', path)).json as { params: object }).params;
    expect(await paramsOf('/v1/things/a%2Fb%20c')).to.deep.equal({ id: 'a/b c' });
    expect((await server.ask('POST', '/v1/%65cho', { body: { text: 'a' } })).status).to.equal(404);
  });

  it('takes a request target with scheme and host', async () => {
    const answer = await server.raw(
      `GET http://anything/v1/things/a?q=b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n` +
        `authorization: Bearer ${server.apiKey}\r\n\r\n`,
    );
    expect(answer).to.match(/^HTTP\/1\.1 200 /);
    expect(answer).to.contain('{"params":{"id":"a"},"path":"/v1/things/a","q":"b"}');
  });

  it('types the query by its schema, with defaults', async () => {
    expect((await server.ask('GET', '/v1/list?on=true')).json).to.deep.equal({
      limit: 5,
      on: true,
    });
    const refused = await server.ask('GET', '/v1/list?limit=x&other=1');
    expect(refused.status).to.equal(400);
    expect(errorOf(refused)['details']).to.deep.equal([
      { field: 'other', code: 'additional_properties', message: 'is not a known field' },
      { field: 'limit', code: 'type', message: 'must be an integer' },
    ]);
  });

  it('names every field that is wrong', async () => {
    const answer = await server.ask('POST', '/v1/echo', { body: { more: 3, other: 1 } });
    expect(answer.status).to.equal(400);
    const { request_id: requestId, ...error } = errorOf(answer);
    expect(requestId).to.equal(answer.headers['x-request-id']);
    expect(error).to.deep.equal({
      code: 'INPUT_VALIDATION_ERROR',
      message: 'The body is not valid.',
      retryable: false,
      details: [
        { field: 'text', code: 'required', message: 'is required' },
        { field: 'other', code: 'additional_properties', message: 'is not a known field' },
        { field: 'more', code: 'type', message: 'must be an object' },
      ],
    });
  });

  describe('refuses poison with a clear 400, and neighbours go on', () => {
    const nested = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);
    const poison: readonly (readonly [string, string | Buffer, string])[] = [
      ['NUL', '{"text":"\\u0000"}', 'nul_character'],
      ['a lone surrogate', '{"text":"\\ud800"}', 'lone_surrogate'],
      ['1e400', '{"text":1e400}', 'number_overflow'],
      ['depth 10,000', nested, 'too_deep'],
      ['duplicate keys', '{"text":"a","text":"b"}', 'duplicate_key'],
      ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'invalid_utf8'],
      ['__proto__', '{"text":"a","more":{"__proto__":{"x":1}}}', 'forbidden_key'],
      ['an integer beyond 2^53', '{"text":9007199254740993}', 'unsafe_integer'],
      ['a byte order mark', '\ufeff{"text":"a"}', 'byte_order_mark'],
      ['nothing', '', 'empty'],
    ];
    for (const [name, body, code] of poison)
      it(name, async () => {
        const good = { body: { text: 'good' } };
        const [refused, neighbour] = await Promise.all([
          server.ask('POST', '/v1/echo', { body }),
          server.ask('POST', '/v1/echo', good),
        ]);
        expect(refused.status).to.equal(400);
        expect(errorOf(refused)['code']).to.equal('INPUT_VALIDATION_ERROR');
        const details = errorOf(refused)['details'] as Record<string, unknown>[];
        expect(details.map((detail) => [detail['field'], detail['code']])).to.deep.equal([
          ['body', code],
        ]);
        expect(neighbour.status).to.equal(202);
        expect(({} as Record<string, unknown>)['x']).to.equal(undefined);
      });

    it('a body of 2 MB, announced or not', async () => {
      const as = `authorization: Bearer ${server.apiKey}`;
      const head = `POST /v1/echo HTTP/1.1\r\nhost: x\r\n${as}\r\n`;
      const body = 'x'.repeat(2 * 1024 * 1024);
      const announced = `${head}content-length: ${body.length}\r\n\r\n${body}`;
      const chunked = `${head}transfer-encoding: chunked\r\n\r\n200000\r\n${body}\r\n0\r\n\r\n`;
      for (const bytes of [announced, chunked]) {
        const answer = await server.raw(bytes);
        expect(answer).to.match(/^HTTP\/1\.1 413 /);
        expect(answer).to.contain('PAYLOAD_TOO_LARGE');
        expect(answer.toLowerCase()).to.contain('connection: close');
      }
    });

    it('a body of 2 MB that waits for leave to be sent', async () => {
      const answer = await server.raw(
        `POST /v1/echo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.apiKey}\r\n` +
          'content-length: 2097152\r\nexpect: 100-continue\r\n\r\n',
      );
      expect(answer).to.match(/^HTTP\/1\.1 413 /);
    }).timeout(1_500);

    it('what is not HTTP', async () => {
      const answer = await server.raw('GET /\u0001 nonsense\r\n\r\n');
      expect(answer).to.match(/^HTTP\/1\.1 400 /);
      expect(answer).to.contain('INPUT_VALIDATION_ERROR');
    });

    it('headers without end', async () => {
      const answer = await server.raw(`GET /v1/list HTTP/1.1\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`);
      expect(answer).to.match(/^HTTP\/1\.1 413 /);
    });
  });

  it('asks outages to be tried again', async () => {
    for (const how of ['overloaded', 'unavailable']) {
      const { status, headers, json } = await server.ask('GET', `/v1/fail/${how}`);
      expect(status).to.equal(503);
      expect(headers['retry-after']).to.equal('1');
      expect(json).to.have.nested.property('error.code', 'SERVICE_UNAVAILABLE');
      expect(json).to.have.nested.property('error.retryable', true);
    }
  });

  it('tells nobody but the log why it failed', async () => {
    const answer = await server.ask('GET', '/v1/fail/bug');
    expect(answer.status).to.equal(500);
    expect(answer.text).not.to.contain('secret');
    const requestId = answer.headers['x-request-id'];
    const lines = server.logged.filter((line) => line['requestId'] === requestId);
    expect(lines.map(({ msg }) => msg)).to.deep.equal(['a request failed', 'answered']);
    expect(JSON.stringify(lines[0])).to.contain('a secret that only the log may know');
  });

  it('answers problem+json to those who ask for it', async () => {
    const headers = { accept: 'application/problem+json', 'x-request-id': 'r7' };
    const answer = await server.ask('GET', '/v1/fail/refused', { headers });
    expect(answer.headers['content-type']).to.equal('application/problem+json');
    expect(answer.json).to.deep.equal({
      type: '/docs/errors#conflict',
      title: 'The request conflicts with the current state.',
      status: 409,
      detail: 'Not so.',
      instance: 'urn:modelroute:request:r7',
      code: 'CONFLICT',
      message: 'Not so.',
      retryable: false,
      request_id: 'r7',
      details: [{ field: 'a', code: 'b', message: 'c' }],
    });
    for (const [method, path, status] of [
      ['GET', '/v1/nothing', 404],
      ['DELETE', '/v1/list', 405],
      ['GET', '/nothing', 404],
    ] as const) {
      const none = await server.ask(method, path, { headers });
      expect([path, none.status, none.headers['content-type']]).to.deep.equal([
        path,
        status,
        'application/problem+json',
      ]);
    }
    const raw = await server.raw('GET / HTTP/1.1\r\naccept: application/problem+json\r\n\x01\r\n');
    expect(raw).to.match(/^HTTP\/1\.1 400 [^]*content-type: application\/problem\+json\r\n/);
    expect(raw).to.contain('"type":"/docs/errors#input_validation_error"');
  });

  it('keeps the doors of tenants and operators apart', async () => {
    expect((await server.ask('GET', '/admin/v1/state')).status).to.equal(401);
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    expect((await server.ask('GET', '/admin/v1/state', { headers })).json).to.deep.equal({
      operator: true,
    });
    expect((await server.ask('GET', '/v1/full', { headers })).status).to.equal(401);
    expect((await server.ask('GET', '/v1/state', { headers })).status).to.equal(404);
    const { headers: refused } = await server.ask('GET', '/v1/full', { headers });
    expect(refused['www-authenticate']).to.equal('Bearer');
  });

  it('streams', async () => {
    const { status, text, headers } = await server.ask('GET', '/v1/stream');
    expect([status, text, headers['content-length']]).to.deep.equal([200, 'abcdef', '6']);
  });

  it('logs one line per request: writes and errors at info, reads at debug', async () => {
    const linesOf = async (method: string, path: string, asking: Asking = {}) => {
      const { headers } = await server.ask(method, path, asking);
      const requestId = headers['x-request-id'];
      return server.logged.filter((line) => line['requestId'] === requestId);
    };
    const [written, ...others] = await linesOf('POST', '/v1/echo', { body: { text: 'a' } });
    expect(others).to.deep.equal([]);
    expect(written).to.include({
      level: 30,
      method: 'POST',
      route: '/v1/echo',
      status: 202,
      executionId: 'exec_1',
    });
    expect(written?.['ms']).to.be.a('number');
    expect((await linesOf('GET', '/v1/things/a'))[0]).to.include({ level: 20 });
    expect((await linesOf('GET', '/v1/nothing'))[0]).to.include({ level: 30, route: 'unknown' });
    expect(JSON.stringify(server.logged)).not.to.contain(server.apiKey);
  });

  it('finishes what is in flight when it is closed, and hangs up on idle connections', async () => {
    const own = await openTestServer({ routes });
    const idle = connect(own.port, '127.0.0.1');
    const hungUp = new Promise<void>((resolve) => idle.once('close', () => resolve()));
    const answering = own.ask('GET', '/v1/slow');
    await eventually('the request to be in flight', () => release);
    const closing = own.close();
    await hungUp;
    release?.();
    const answer = await answering;
    expect(answer.json).to.deep.equal({ done: true });
    expect(answer.headers['connection']).to.equal('close');
    await closing;
  });
});
