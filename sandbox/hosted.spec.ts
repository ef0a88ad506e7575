import { createHmac, createPublicKey, createHash, verify, type JsonWebKey } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { request } from 'undici';
import { eventually } from '../testing/eventually.js';
import { behave, calls, post, withSandbox } from './testing/kit.js';

interface Body {
  readonly id: string;
  readonly request_id: string;
  readonly status: string;
  readonly output: string | readonly string[] | null;
  readonly detail: unknown;
  readonly video: { readonly url: string };
  readonly key: string;
  readonly keys: readonly JsonWebKey[];
}

interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

describe('sandbox: vega and lyra', () => {
  const sandbox = withSandbox();
  let receiver: Server;
  let told: Told[];
  let url: string;

  beforeEach(async () => {
    told = [];
    receiver = createServer((incoming, response) => {
      let text = '';
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
      incoming.on('end', () => {
        told.push({ headers: incoming.headers, text });
        response.end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  });
  afterEach(async () => {
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
  });

  const predict = (input: object, more: object = {}) =>
    post<Body>(`${sandbox.url()}/vega/v1/models/vega/film-1/predictions`, { input, ...more });
  const submit = (input: object, query = '') =>
    post<Body>(`${sandbox.url()}/lyra/lyra/film-1/fast${query}`, input, {
      authorization: 'Key any',
    });
  const ask = async (path: string, method: 'GET' | 'POST' | 'PUT' = 'GET') => {
    const reply = await request(`${sandbox.url()}${path}`, { method });
    return { status: reply.statusCode, body: (await reply.body.json()) as Body };
  };
  const callback = () => eventually('it was called back', () => told[0]);

  it('makes a video, and calls back as Replicate does', async () => {
    await behave(sandbox.url(), { vega: { jobMs: 40 } });
    const made = await predict({ prompt: 'a bay', duration: 1 }, { webhook: url });
    expect([made.status, made.body.status, made.body.output]).to.deep.equal([
      201,
      'starting',
      null,
    ]);
    const { headers, text } = await callback();
    const prediction = JSON.parse(text) as Body;
    expect([prediction.id, prediction.status]).to.deep.equal([made.body.id, 'succeeded']);
    expect((await ask(`/vega/v1/predictions/${made.body.id}`)).body.output).to.equal(
      prediction.output,
    );
    const { key } = (await ask('/vega/v1/webhooks/default/secret')).body;
    const secret = Buffer.from(key.slice('whsec_'.length), 'base64');
    const lines = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.`;
    const code = createHmac('sha256', secret).update(lines + text);
    expect(headers['webhook-signature']).to.equal(`v1,${code.digest('base64')}`);
    const film = await request(String(prediction.output));
    expect(film.headers['content-type']).to.equal('video/mp4');
    const bytes = Buffer.from(await film.body.arrayBuffer());
    expect(bytes.toString('latin1', 4, 12)).to.equal('ftypisom');
  });

  it('makes a video, and calls back as fal does', async () => {
    await behave(sandbox.url(), { lyra: { jobMs: 40 } });
    const made = await submit(
      { prompt: 'a bay', duration: 1 },
      `?fal_webhook=${encodeURIComponent(url)}`,
    );
    const { request_id: id } = made.body;
    const { headers, text } = await callback();
    const message = JSON.parse(text) as { request_id: string; status: string; payload: Body };
    expect([message.request_id, message.status]).to.deep.equal([id, 'OK']);
    const own = `/lyra/lyra/film-1/requests/${id}`;
    expect((await ask(`${own}/status`)).body.status).to.equal('COMPLETED');
    expect((await ask(own)).body.video.url).to.equal(message.payload.video.url);
    const { keys } = (await ask('/lyra/.well-known/jwks.json')).body;
    const key = createPublicKey({ format: 'jwk', key: keys[0]! });
    const lines = [
      headers['x-fal-webhook-request-id'],
      headers['x-fal-webhook-user-id'],
      headers['x-fal-webhook-timestamp'],
      createHash('sha256').update(text).digest('hex'),
    ].join('\n');
    const signature = Buffer.from(String(headers['x-fal-webhook-signature']), 'hex');
    expect(verify(null, Buffer.from(lines), key, signature)).to.equal(true);
  });

  it('calls back as badly as it is told to, and shows what it sent', async () => {
    await behave(sandbox.url(), {
      vega: { jobMs: 0, callbackTimes: 3, callbacksDisordered: true },
    });
    await predict({ prompt: 'a bay' }, { webhook: url });
    await eventually('it was called back four times', () => told.length === 4);
    const states = told.map(({ text }) => (JSON.parse(text) as Body).status);
    expect(states).to.deep.equal(['succeeded', 'succeeded', 'succeeded', 'processing']);
    const { data } = (await ask('/_sandbox/callbacks')).body as unknown as {
      data: readonly { status: number; url: string }[];
    };
    expect(data.map(({ status, url: to }) => [status, to])).to.deep.equal(
      Array(4).fill([200, url]),
    );
  });

  it('stops a job, and refuses what a model does not know', async () => {
    await behave(sandbox.url(), { vega: { jobMs: 60_000 }, lyra: { jobMs: 60_000 } });
    const prediction = await predict({ prompt: 'a bay' });
    const cancelled = await ask(`/vega/v1/predictions/${prediction.body.id}/cancel`, 'POST');
    expect(cancelled.body.status).to.equal('canceled');
    const { request_id: id } = (await submit({ prompt: 'a bay' })).body;
    const own = `/lyra/lyra/film-1/requests/${id}`;
    expect((await ask(own)).status).to.equal(400);
    expect((await ask(`${own}/cancel`, 'PUT')).body.status).to.equal('CANCELLATION_REQUESTED');
    expect((await ask(`${own}/cancel`, 'PUT')).body.status).to.equal('ALREADY_COMPLETED');
    const refused = await predict({ prompt: 'a bay', duration_s: 3 });
    expect([refused.status, refused.body.detail]).to.deep.equal([
      422,
      '- input.duration_s: is not an input of this model\n',
    ]);
    expect((await submit({ prompt: '' })).body.detail).to.deep.equal([
      { loc: ['body', 'prompt'], msg: 'is required', type: 'value_error' },
    ]);
    expect((await calls(sandbox.url())).filter(({ paid }) => paid)).to.have.length(2);
  });

  it('fails what moderation refuses', async () => {
    await behave(sandbox.url(), { vega: { jobMs: 0 }, lyra: { jobMs: 0 } });
    const { id } = (await predict({ prompt: '[[moderation]]' })).body;
    expect((await ask(`/vega/v1/predictions/${id}`)).body.status).to.equal('failed');
    const { request_id: other } = (await submit({ prompt: '[[moderation]]' })).body;
    const result = await ask(`/lyra/lyra/film-1/requests/${other}`);
    expect(result.status).to.equal(422);
    expect(JSON.stringify(result.body)).to.include('content_policy_violation');
  });
});
