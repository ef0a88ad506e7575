import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { parse } from 'yaml';
import type { GenericEntry } from '../../contracts/catalogue/generic-entry.js';
import { openProviders } from '../open-providers.js';
import type { Providers } from '../port.js';
import { providerAt } from '../testing/contract.js';

const described = (yaml: string) => parse(yaml) as GenericEntry;
const FILM = 'https://films.example/1.mp4';

const jobOf = (generic: GenericEntry) => ({
  provider: { ...providerAt('http://127.0.0.1:9', 'generic-json'), generic },
  providerModel: 'm',
  modality: generic.modality,
  input: { duration_s: 3 },
  dispatchKey: 'k',
  timeoutMs: 2_000,
  signal: new AbortController().signal,
});

describe('provider adapter: generic-json, its callbacks', () => {
  let providers: Providers;

  before(() => {
    const secrets: Record<string, string> = { HOOK_SECRET: 'hook-secret' };
    providers = openProviders({ credentials: (name) => secrets[name] });
  });
  after(() => providers.close());

  const signing = (hmac: string) =>
    described(`
modality: video
request: { path: /films, body: { hook: '{{ callback_url }}' } }
job: { id: id, callback: { id: data.id, document: data, hmac: ${hmac} } }
status: { path: state, succeeded: [DONE] }
output: { video: link }
`);
  const body = Buffer.from(JSON.stringify({ data: { id: '7', state: 'DONE', link: FILM } }));
  const adapter = () => providers.adapter('generic-json');
  const check = (generic: GenericEntry, headers: Record<string, string>) =>
    adapter().checkCallback?.({ headers, body }, jobOf(generic));
  const hex = (text: string, key: string | Buffer = 'hook-secret') =>
    createHmac('sha256', key).update(text).digest('hex');

  it('are genuine where their signature is right', async () => {
    const generic = signing('{ header: X-Sign, secret_env: HOOK_SECRET, prefix: sha256= }');
    const signature = `sha256=${hex(body.toString())}`;
    expect(await check(generic, { 'x-sign': signature })).to.equal('genuine');
    expect(await check(generic, { 'x-sign': `sha256=old ${signature}` })).to.equal('genuine');
    expect(await check(generic, { 'x-sign': hex(body.toString()) })).to.equal('forged');
    expect(await check(generic, {})).to.equal('forged');
    const unset = signing('{ header: X-Sign, secret_env: NOT_SET }');
    expect(await check(unset, { 'x-sign': signature })).to.equal('unchecked');
  });

  it('are read as an answer to a question is', async () => {
    const generic = signing('{ header: X-Sign, secret_env: HOOK_SECRET }');
    const read = (text: string) =>
      adapter().readCallback?.({ headers: {}, body: Buffer.from(text) }, jobOf(generic));
    expect(await read(body.toString())).to.deep.equal({
      providerJobId: '7',
      outcome: {
        kind: 'succeeded',
        output: { modality: 'video', video: { url: FILM } },
        usage: { seconds: 3 },
      },
    });
    expect(await read('{"data":{"id":7,"state":"FILMING"}}')).to.deep.equal({
      providerJobId: '7',
      outcome: { kind: 'pending', detail: 'the job has no status that the catalogue names' },
    });
    for (const text of ['', '{', '[]', '{"data":{}}', '{"id":"7"}'])
      expect(await read(text), text).to.equal('unreadable');
  });

  it('may sign more than the body, as Standard Webhooks do', async () => {
    const generic = signing(
      '{ header: webhook-signature, secret_env: HOOK_SECRET, secret_as: base64, ' +
        "encoding: base64, prefix: 'v1,', signed: '{{ headers.`webhook-id` }}.{{ body }}' }",
    );
    const key = Buffer.from('hook-secret', 'base64');
    const signature = createHmac('sha256', key).update(`id1.${body.toString()}`).digest('base64');
    const headers = { 'webhook-id': 'id1', 'webhook-signature': `v1,${signature}` };
    expect(await check(generic, headers)).to.equal('genuine');
    expect(await check(generic, { ...headers, 'webhook-id': 'id2' })).to.equal('forged');
  });
});
