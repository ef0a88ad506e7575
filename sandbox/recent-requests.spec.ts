import { expect } from 'chai';
import { request } from 'undici';
import { behave, post, prompt, withSandbox } from './testing/kit.js';

interface Shown {
  readonly personality: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

describe('sandbox: the newest requests', () => {
  const sandbox = withSandbox();
  const shown = async (search = '') => {
    const { body } = await request(`${sandbox.url()}/_sandbox/requests${search}`);
    return ((await body.json()) as { data: Shown[] }).data;
  };

  it('are shown as they came, without the credential', async () => {
    const url = sandbox.url();
    await behave(url, { altair: { latency: 0 } });
    await post(`${url}/aurora/v1/chat/completions?x=1`, prompt('On boats'));
    const message = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Why?' }] };
    const headers = { 'x-api-key': 'secret', 'anthropic-version': '2023-06-01' };
    const answer = await post<{ type: string }>(`${url}/altair/v1/messages`, message, headers);
    expect(answer.body.type).to.equal('message');
    const [chat, messages] = await shown();
    expect(chat).to.include({
      personality: 'aurora',
      method: 'POST',
      path: '/aurora/v1/chat/completions?x=1',
      body: JSON.stringify(prompt('On boats')),
    });
    expect(chat?.headers).to.include({ authorization: 'Bearer …' });
    expect(messages?.headers).to.include({ 'x-api-key': '…', 'anthropic-version': '2023-06-01' });
    expect(JSON.parse(messages?.body ?? '')).to.deep.equal(message);
    expect((await shown('?personality=altair')).map((one) => one.personality)).to.deep.equal([
      'altair',
    ]);
  });

  it('are at most two hundred, without bodies that are large or no JSON', async () => {
    const url = `${sandbox.url()}/aurora/v1/chat/completions`;
    for (let i = 0; i < 205; i++) await post(url, `{"n":${i}}`);
    await post(url, prompt('x'.repeat(70_000)));
    await post(url, 'plain', { 'content-type': 'text/plain' });
    const all = await shown();
    expect(all).to.have.length(200);
    expect(all[0]?.body).to.equal('{"n":7}');
    expect(all.slice(-2).map(({ body }) => body)).to.deep.equal([null, null]);
  });
});
