/** What the first minute of a new installation shows, whatever it runs on. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { clientOf, send, type ExecutionBody, type LedgerEntry } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { micros } from './executions.js';
import { allCalls } from '../../sandbox/testing/behaviour.js';
import { isReadyLine, type System } from '../../testing/system.js';

/** Specs of a suite whose system starts on an empty folder, with its demo. */
export function firstMinute(system: () => System, startedInMsMax: number): void {
  saysWhatItDoes(system);
  hasPaidForItsDemo(system);
  startsASecondTime(system, startedInMsMax);
  answersThePages(system);
}

const said = (system: System, form: RegExp): readonly string[] =>
  system.messages().filter((message) => form.test(message));

const demoIsDone = (system: System) =>
  eventually('the demo is done', () => said(system, /^demo: done/).length > 0, 30_000);

function saysWhatItDoes(system: () => System): void {
  it('says once that it is ready', async () => {
    await demoIsDone(system());
    expect(system().lines().filter(isReadyLine)).to.have.length(1);
  });

  it('logs JSON when its output is no terminal', () => {
    const notJson = system()
      .lines()
      .filter((line) => !line.startsWith('{"level":"') || !line.endsWith('}'));
    expect(notJson).to.deep.equal([]);
  });

  it('leaves credentials that only its user may read, and that work', async () => {
    const { dataDir, baseUrl, adminKey } = system();
    const credentials = await system().credentials();
    expect((await stat(join(dataDir, 'dev-credentials.json'))).mode & 0o777).to.equal(0o600);
    expect(Object.keys(credentials)).to.have.members([
      ...['base_url', 'api_key', 'admin_key', 'organization_id', 'webhook_secret'],
    ]);
    expect([credentials.base_url, credentials.admin_key]).to.deep.equal([baseUrl, adminKey]);
    expect(credentials.api_key).to.match(/^sk_[0-9a-f]{64}_[0-9a-f]{8}$/);
    expect(credentials.webhook_secret).to.match(/^whsec_[A-Za-z0-9+/]+=*$/);
    const { status } = await clientOf(system(), credentials.api_key).call('GET', '/executions');
    expect(status).to.equal(200);
  });
}

function hasPaidForItsDemo(system: () => System): void {
  it('has run a model of each kind through its own API, and paid for all', async () => {
    await demoIsDone(system());
    const api = clientOf(system(), (await system().credentials()).api_key);
    const executions = await api.all<ExecutionBody>('/executions');
    expect(executions.map(({ model, status }) => [model, status])).to.have.deep.members([
      ['text-generation-standard', 'COMPLETED'],
      ['flux-1.1-pro', 'COMPLETED'],
      ['tts-standard', 'COMPLETED'],
      ['video-generation-standard', 'COMPLETED'],
      ['text-generation-standard', 'COMPLETED'],
    ]);
    const spent = executions.reduce((sum, { cost }) => sum + micros(cost ?? '0'), 0n);
    const { available, held, total } = await api.balance();
    expect(micros(total)).to.equal(100_000_000n - spent);
    expect([available, held]).to.deep.equal([total, '0.000']);
    const ledger = await api.all<LedgerEntry>('/billing/ledger');
    expect(ledger.reduce((sum, { amount }) => sum + micros(amount), 0n)).to.equal(micros(total));
  });

  it('prints the timeline, the ledger and where the picture lies', async () => {
    await demoIsDone(system());
    for (const step of ['accepted', 'started', 'completed'])
      expect(said(system(), new RegExp(`^demo: .*execution\\.${step}`))).to.have.length(5);
    for (const entry of ['HOLD', 'SETTLEMENT', 'RELEASE'])
      expect(said(system(), new RegExp(`^demo: +ledger ${entry}`))).to.have.length(5);
    const [line = ''] = said(system(), /^demo: +image file_/);
    const path = line.replace(/^.* is at /, '');
    expect(path).to.equal(join(system().dataDir, 'demo', 'flux-1.1-pro.png'));
    const png = await readFile(path);
    expect(png.subarray(0, 8).toString('hex')).to.equal('89504e470d0a1a0a');
    expect(png.subarray(12, 16).toString('latin1')).to.equal('IHDR');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).to.deep.equal([1024, 1024]);
    const [spoken = ''] = said(system(), /^demo: +audio file_/);
    const sound = spoken.replace(/^.* is at /, '');
    expect(sound).to.equal(join(system().dataDir, 'demo', 'tts-standard.wav'));
    expect((await readFile(sound)).toString('latin1', 0, 4)).to.equal('RIFF');
    const [filmed = ''] = said(system(), /^demo: +video file_/);
    const film = filmed.replace(/^.* is at /, '');
    expect(film).to.equal(join(system().dataDir, 'demo', 'video-generation-standard.mp4'));
    expect((await readFile(film)).toString('latin1', 4, 8)).to.equal('ftyp');
  });

  it('shows a failover as operators see it, and a video that was called back', async () => {
    await demoIsDone(system());
    const attempts = said(system(), /^demo: +operators see attempt/);
    expect(attempts.map((line) => line.replace(/ \(.*/, ''))).to.deep.equal([
      'demo:   operators see attempt 1 at aurora-chat: failed',
      'demo:   operators see attempt 2 at borealis-chat: succeeded',
    ]);
    const calls = await allCalls(system().sandboxUrl);
    const films = calls.filter(({ personality }) => personality === 'vega');
    expect(films.map(({ path, paid }) => [path, paid])).to.deep.equal([
      ['/vega/v1/models/vega/film-1/predictions', true],
    ]);
  });
}

function startsASecondTime(system: () => System, startedInMsMax: number): void {
  it('starts a second time in seconds, keeps everything and does not repeat the demo', async () => {
    await demoIsDone(system());
    const before = await system().credentials();
    const listed = await clientOf(system(), before.api_key).all('/executions');
    expect(await system().stop()).to.equal(0);
    await system().restart();
    expect(system().startedInMs).to.be.below(startedInMsMax);
    const { base_url, ...kept } = await system().credentials();
    expect({ ...kept, base_url: before.base_url }).to.deep.equal(before);
    expect(base_url).to.equal(system().baseUrl);
    expect(await clientOf(system(), kept.api_key).all('/executions')).to.deep.equal(listed);
    expect(said(system(), /^demo: .*202/)).to.deep.equal([]);
  });
}

function answersThePages(system: () => System): void {
  it('answers the pages beside the API', async () => {
    const { baseUrl, adminKey } = system();
    const page = async (path: string, key?: string) =>
      send(`${baseUrl}${path}`, 'GET', {
        headers: { ...(key && { authorization: `Bearer ${key}` }) },
      });
    expect((await page('/healthz')).status).to.equal(200);
    expect((await page('/readyz')).status).to.equal(200);
    expect((await page('/metrics')).status).to.equal(401);
    const { api_key: tenantKey } = await system().credentials();
    expect((await page('/metrics', tenantKey)).status).to.equal(401);
    const metrics = await page('/metrics', adminKey);
    expect(metrics.headers['content-type']).to.match(/^text\/plain/);
    expect(metrics.text).to.match(/^http_request_seconds_count\{/m);
    const docs = await page('/docs');
    expect([docs.status, docs.headers['content-type']]).to.deep.equal([
      ...[200, 'text/html; charset=utf-8'],
    ]);
    const openapi = await page('/openapi.json');
    expect(openapi.body).to.include({ openapi: '3.1.0' });
    expect(Object.keys(openapi.body['paths'] ?? {})).to.include.members([
      ...['/v1/executions', '/v1/executions/{id}', '/v1/billing/balance', '/v1/models'],
    ]);
  });
}
