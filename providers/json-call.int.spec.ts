import { expect } from 'chai';
import { openEndpoints } from './endpoints.js';
import { callBytes, callJson, PreparedBody, type ProviderRequest } from './json-call.js';
import { providerAt } from './testing/contract.js';
import { json, openStage, type Answer, type Stage } from './testing/stage.js';
import type { Wire } from './vendor.js';

describe('one exchange with a provider', () => {
  let stage: Stage;
  let wire: Wire;

  beforeEach(async () => {
    stage = await openStage();
    wire = {
      endpoints: openEndpoints(),
      credential: () => undefined,
      credentialOf: () => undefined,
    };
  });
  afterEach(async () => {
    await wire.endpoints.close();
    await stage.close();
  });

  const called = () => ({
    provider: providerAt(stage.url, 'openai-chat'),
    dispatchKey: 'exec_1/1',
    timeoutMs: 2_000,
    signal: new AbortController().signal,
  });
  const post: ProviderRequest = { method: 'POST', path: '/v1/x', bytesMax: 10_000 };

  it('takes bytes as they are, and an error among them for the outcome', async () => {
    stage.play(
      (response) => void response.writeHead(200, { 'content-type': 'Audio/MPEG; x=1' }).end('ID3'),
    );
    const read = await callBytes(wire, called(), post);
    expect(read).to.have.property('answer');
    expect('answer' in read && read.answer).to.deep.include({
      contentType: 'audio/mpeg',
      bytes: Buffer.from('ID3'),
      json: undefined,
    });
    for (const words of ['[Music] Hello', '[00:01] Hello']) {
      stage.play((response) => {
        response.writeHead(200, { 'content-type': 'text/plain' }).end(words);
      });
      const told = await callBytes(wire, called(), post);
      expect('answer' in told && told.answer.bytes.toString()).to.equal(words);
    }
    stage.play(json({ error: { code: 429 } }));
    const refused = await callBytes(wire, called(), post);
    expect(refused).to.have.nested.property('outcome.code', 'MODEL_OVERLOADED');
  });

  it('sends what the catalogue says beside the vendor, and before it', async () => {
    stage.play(json({}));
    const provider = {
      ...called().provider,
      auth: { header: 'api-key' },
      headers: { 'x-title': 'us', 'x-version': '3' },
      query: { 'api-version': '2024-10-21' },
      idempotencyHeader: 'x-request-key',
    };
    const dialect = { headers: { 'x-version': '2' } };
    const path = '/v1/x?a=b';
    await callJson(wire, { ...called(), provider }, { ...post, path, dialect });
    const [seen] = stage.seen;
    expect(seen?.path).to.equal('/base/v1/x?a=b&api-version=2024-10-21');
    expect(seen?.headers).to.include({
      'api-key': 'none',
      'x-title': 'us',
      'x-version': '3',
      'x-request-key': 'exec_1/1',
    });
    expect(seen?.headers).not.to.have.any.keys('authorization', 'idempotency-key');
    const silent = { ...called().provider, idempotencyHeader: 'none' };
    await callJson(wire, { ...called(), provider: silent }, post);
    expect(stage.seen[1]?.headers).not.to.have.any.keys('idempotency-key', 'x-dispatch-key');
  });

  it('keeps as much of an answer as the catalogue says', async () => {
    stage.play(json({ text: 'x'.repeat(2_000) }));
    const provider = { ...called().provider, answerBytesMax: 1_024 };
    expect(await callJson(wire, { ...called(), provider }, post)).to.have.property('outcome');
    expect(await callJson(wire, called(), post)).to.have.property('answer');
  });

  it('takes a stream that breaks off for unknown, and an error in it for the outcome', async () => {
    const streaming =
      (text: string): Answer =>
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
      };
    const fold = (pieces: readonly Record<string, unknown>[], isEnded: boolean) => ({
      pieces: pieces.length,
      isEnded,
    });
    const whole = 'data: {"a":1}\n\n';
    const read = async (text: string) => {
      stage.play(streaming(text));
      return callJson(wire, called(), { ...post, fold });
    };
    expect(await read(`${whole}${whole}data: [DONE]\n\n`)).to.deep.equal({
      answer: { pieces: 2, isEnded: true },
    });
    expect(await read(whole)).to.deep.equal({ answer: { pieces: 1, isEnded: false } });
    expect(await read(`${whole}data: {"a":`)).to.have.nested.property('outcome.kind', 'unknown');
    const limited = await read(`${whole}event: error\ndata: {"code":"rate_limit_exceeded"}\n\n`);
    expect(limited).to.have.nested.property('outcome.code', 'MODEL_OVERLOADED');
  });

  it('sends what the vendor prepared', async () => {
    stage.play(json({}));
    const body = new PreparedBody('text/plain', Buffer.from('{"a":1}'));
    const headers = { 'x-own': '1' };
    const dialect = { auth: { header: 'x-api-key' }, headers: { 'x-version': '2' } };
    await callJson(wire, called(), { ...post, method: 'PUT', body, headers, dialect });
    const [seen] = stage.seen;
    expect(seen?.method).to.equal('PUT');
    expect(seen?.headers).to.include({
      'content-type': 'text/plain',
      'content-length': '7',
      'x-api-key': 'none',
      'x-own': '1',
      'x-version': '2',
    });
    expect(seen?.headers).not.to.have.property('authorization');
  });
});
