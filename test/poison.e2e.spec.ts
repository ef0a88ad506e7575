/** Bodies and paths that mean harm: each a clear 4xx, and nobody beside them notices. */
import { expect } from 'chai';
import { asOperator, newTenant, send, type ErrorBody, type Tenant } from '../testing/client.js';
import { accept, newKey, textOf, whenOver } from './testing/executions.js';
import { sharedSystem } from '../testing/system-in-suite.js';

/** A submission whose prompt, or another part, is the given JSON text. */
const around = (prompt: string, more = ''): string =>
  `{"model":"text-generation-standard","input":{"prompt":${prompt}}${more}}`;

const manyKeys = Array.from({ length: 100_000 }, (_, n) => `"${n.toString(36)}":1`).join(',');
const bytes = (...parts: (string | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

const poisons: Readonly<Record<string, readonly [body: string | Buffer, code: string]>> = {
  'NUL in a string': [around('"a\\u0000b"'), 'nul_character'],
  'NUL as a byte': [bytes(around('"a'), [0], 'b"}}'), 'nul_character'],
  'a lone surrogate': [around('"\\ud800"'), 'lone_surrogate'],
  'a number beyond doubles': [around('"x"', ',"expires_in":1e400'), 'number_overflow'],
  'nesting 10,000 deep': [around(`${'['.repeat(10_000)}${']'.repeat(10_000)}`), 'too_deep'],
  'a key given twice': [around('"x","prompt":"y"'), 'duplicate_key'],
  'the same key in disguise': [around('"x","pr\\u006fmpt":"y"'), 'duplicate_key'],
  'bytes that are not UTF-8': [bytes('{"model":"', [0xc3, 0x28], '"}'), 'invalid_utf8'],
  'an overlong encoding': [bytes('{"model":"', [0xc0, 0xaf], '"}'), 'invalid_utf8'],
  'a byte order mark': [bytes([0xef, 0xbb, 0xbf], around('"x"')), 'byte_order_mark'],
  'a __proto__': [around('"x"', ',"__proto__":{"a":1}'), 'forbidden_key'],
  'a __proto__ in metadata': [around('"x"', ',"metadata":{"__proto__":"a"}'), 'forbidden_key'],
  'an integer over 2^53': [around('"x"', ',"expires_in":9007199254740993'), 'unsafe_integer'],
  '100,000 keys': [`{"model":"x","input":{${manyKeys}}}`, 'too_many_keys'],
  'half a body': ['{"model":"text', 'syntax'],
  'nothing at all': ['', 'empty'],
  'a word': ['NaN', 'syntax'],
};

describe('poison', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let tenant: Tenant;
  before(async () => {
    tenant = await newTenant(system());
  });

  const submit = (body: string | Buffer) =>
    tenant.api.call<ErrorBody>('POST', '/executions', {
      body,
      headers: { 'idempotency-key': newKey() },
    });

  for (const [name, [body, code]] of Object.entries(poisons))
    it(`${name} is refused in so many words`, async () => {
      const answer = await submit(body);
      expect(answer.status, answer.text).to.equal(400);
      const { details, message, ...error } = answer.body.error;
      expect(error).to.deep.equal({
        code: 'INPUT_VALIDATION_ERROR',
        retryable: false,
        request_id: answer.headers['x-request-id'],
      });
      expect(message).not.to.equal('');
      expect(details?.map((detail) => [detail.field, detail.code])).to.deep.equal([['body', code]]);
    });

  it('a body of 2 MB is refused as too large', async () => {
    const answer = await submit(around(`"${'x'.repeat(2_000_000)}"`));
    expect([answer.status, answer.body.error.code]).to.deep.equal([413, 'PAYLOAD_TOO_LARGE']);
  });

  it('fields that the prototype has are ordinary names, or unknown', async () => {
    const { api } = tenant;
    const metadata = { constructor: 'a', toString: 'b', hasOwnProperty: 'c' };
    const { id } = await accept(api, textOf('Named oddly', { metadata }));
    expect((await api.execution(id)).body.metadata).to.deep.equal(metadata);
    expect((await submit(around('"x"', ',"constructor":{}'))).status).to.equal(400);
  });

  it('harms no neighbour in flight', async () => {
    const { api } = tenant;
    const bodies = Object.values(poisons).map(([body]) => body);
    const good = Array.from({ length: 60 }, (_, n) => api.submit(textOf(`Good ${n}`), newKey()));
    const bad = Array.from({ length: 60 }, (_, n) => submit(bodies[n % bodies.length] ?? ''));
    const [accepted, refused] = [await Promise.all(good), await Promise.all(bad)];
    expect(new Set(refused.map(({ status }) => status))).to.deep.equal(new Set([400]));
    expect(new Set(accepted.map(({ status }) => status))).to.deep.equal(new Set([202]));
    const over = await Promise.all(accepted.map(({ body }) => whenOver(api, body.id)));
    expect(new Set(over.map(({ status }) => status))).to.deep.equal(new Set(['COMPLETED']));
  });

  it('keys that are none are refused without a word more', async () => {
    for (const authorization of [
      ...['', 'Bearer', 'Bearer sk_0', `Bearer ${tenant.api.apiKey}0`, 'Basic YTpi', 'Bearer é'],
      `Bearer ${tenant.api.apiKey.slice(0, -1)}${tenant.api.apiKey.endsWith('0') ? '1' : '0'}`,
      `Bearer ${system().adminKey}`,
    ]) {
      const headers = { authorization: Buffer.from(authorization).toString('latin1') };
      const { status, body } = await send<ErrorBody>(`${system().baseUrl}/v1/executions`, 'GET', {
        headers,
      });
      expect([authorization, status, body.error.code]).to.deep.equal([
        ...[authorization, 401, 'UNAUTHORIZED'],
      ]);
    }
    expect(
      (await asOperator({ ...system(), adminKey: tenant.api.apiKey }, 'GET', '/x')).status,
    ).to.be.oneOf([401, 404]);
  });

  it('another tenant’s id reads as one that was made up', async () => {
    const { api } = tenant;
    const { id } = await accept(api, textOf('Mine'));
    await whenOver(api, id);
    const stranger = (await newTenant(system())).api;
    const madeUp = `exec_${'0'.repeat(8)}-0000-5000-8000-${'0'.repeat(12)}`;
    for (const [method, path] of [
      ...[
        ['GET', ''],
        ['GET', '/result'],
        ['GET', '/events'],
        ['POST', '/cancel'],
      ],
    ] as [string, string][]) {
      const asked = async (of: string) => {
        const { status, text, headers } = await stranger.call(method, `/executions/${of}${path}`);
        const { 'x-request-id': requestId, date: _, ...rest } = headers;
        return { status, text: text.replaceAll(String(requestId), ''), rest };
      };
      const [theirs, nobodys] = [await asked(id), await asked(madeUp)];
      expect(theirs.status, `${method} ${path}`).to.equal(404);
      expect(theirs).to.deep.equal(nobodys);
    }
  });

  it('is answered by every route with a 4xx, never a 5xx, never a hang', async () => {
    const url = `${system().baseUrl}/openapi.json`;
    const openapi = await send<{ paths: Record<string, object> }>(url, 'GET');
    const paths = Object.entries(openapi.body.paths);
    expect(paths.length).to.be.above(10);
    const odd = ['x', '%00', '%ff', '..%2f..', "'%20or%201=1", 'x'.repeat(5_000), 'exec_1'];
    const bodies = ['[]', '0', '"x"', '{}', '{"name":1e400}', '{"amount":"-1"}', '{"amount":{}}'];
    const wrong: string[] = [];
    for (const [template, methods] of paths)
      for (const method of Object.keys(methods).map((name) => name.toUpperCase()))
        for (const [n, value] of odd.entries()) {
          const path = template.replaceAll(/\{\w+\}/g, value);
          const key = template.startsWith('/admin') ? system().adminKey : tenant.api.apiKey;
          const query = `?limit=${value.slice(0, 50)}&cursor=${value.slice(0, 50)}&${value}=1`;
          const { status } = await send(`${system().baseUrl}${path}${query}`, method, {
            headers: { authorization: `Bearer ${key}`, 'idempotency-key': newKey() },
            ...(method !== 'GET' && { body: bodies[n % bodies.length] }),
          });
          if (status >= 500)
            wrong.push(`${method} ${path.slice(0, 80)}${query.slice(0, 40)} ${status}`);
        }
    expect(wrong).to.deep.equal([]);
  });
});
