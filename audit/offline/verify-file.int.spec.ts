import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { OrganizationId } from '../../contracts/ids.js';
import { openLeafSalts } from '../../domain/proof/salts.js';
import { openSigner, signNote, type NoteSigner } from '../../domain/proof/signed-note.js';
import { forkBetween } from '../../domain/proof/verify-previous.js';
import { exportFeed, type WantedExport } from '../../infra/proof-store/export-feed.js';
import { makeReceipt } from '../../infra/proof-store/make-receipt.js';
import type { StoredCheckpoint } from '../../infra/proof-store/port.js';
import { openSignedLog } from '../../infra/proof-store/signed-log.js';
import { makeCheckpoints } from '../../processors/make-checkpoints/make-checkpoints.js';
import { ask, type Asked } from '../../processors/testing/kit.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import { skip } from '../../testing/skip.js';
import { otherVerifiers } from './testing/other-verifiers.js';
import { consistencyIn, verifyFile, type Verified } from './verify-file.js';

describe('verify an audit file', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let folder: TemporaryFolder;
  let signer: NoteSigner;
  let earlier: StoredCheckpoint;
  let checkpoint: StoredCheckpoint;
  const asked: Asked[] = [];
  let stop: () => Promise<void>;
  const { signal } = new AbortController();

  before(async () => {
    [spec, folder] = await Promise.all([openSpecInfra(), temporaryFolder()]);
    stop = spec.run([makeCheckpoints(spec.infra)]);
    for (let n = 0; n < 4; n++) asked.push(await ask(spec.infra));
    earlier = await covering();
    for (let n = 0; n < 20; n++) asked.push(await ask(spec.infra));
    checkpoint = await covering();
    signer = (await openSignedLog(spec.infra).signer())!;
  });
  after(async () => {
    await stop();
    await spec.close();
    await folder.remove();
  });

  async function covering(): Promise<StoredCheckpoint> {
    const head = await spec.infra.store.head();
    const found = await openSignedLog(spec.infra).covering(head, 20_000, signal);
    expect(found?.isCovering).to.equal(true);
    return found!.checkpoint;
  }

  const sources = () => ({
    ...spec.infra,
    signer,
    salts: openLeafSalts(spec.infra.secrets.leafSaltsKey),
  });

  async function exported(given: Partial<WantedExport> = {}): Promise<string> {
    const { organizationId } = asked[0]!;
    const open = { organizationId, checkpoint, from: undefined, to: undefined };
    let text = '';
    for await (const chunk of exportFeed(sources(), { ...open, sinceSize: undefined, ...given }))
      text += chunk;
    return text;
  }

  let files = 0;
  async function verified(text: string, keys = [signer]) {
    const path = join(folder.dir, `${files++}`);
    await writeFile(path, text);
    return verifyFile(path, keys);
  }

  const problem = async (text: string, keys?: NoteSigner[]): Promise<string> => {
    const found = await verified(text, keys);
    return 'problem' in found ? found.problem : 'verified';
  };

  async function opened(text: string): Promise<Verified> {
    const found = await verified(text);
    if ('problem' in found) throw new Error(found.problem);
    return found.opened;
  }

  const openedExport = async (text: string) =>
    (await opened(text)) as Extract<Verified, { kind: 'export' }>;

  it('finds nothing wrong with an honest export', async () => {
    const { header } = await openedExport(await exported());
    expect(header.count).to.be.at.least(3);
    expect([header.firstSequence, header.lastSequence]).to.deep.equal([1, header.count]);
    const nobody: OrganizationId = 'org_11111111-1111-4111-8111-111111111111';
    const none = await openedExport(await exported({ organizationId: nobody }));
    expect(none.header.count).to.equal(0);
  });

  it('has each event once in ranges that follow one another', async () => {
    const lines = (text: string) => text.split('\n').filter((line) => line.startsWith('{"index"'));
    const whole = lines(await exported());
    const times = whole.map((line) => Date.parse(/"time":"([^"]+)"/.exec(line)![1]!));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: -1, max: 1 }), async (n, by) => {
        const cut = new Date(times[n]! + by);
        const [head, tail] = [await exported({ to: cut }), await exported({ from: cut })];
        expect([await problem(head), await problem(tail)]).to.deep.equal(['verified', 'verified']);
        expect([...lines(head), ...lines(tail)]).to.deep.equal(whole);
      }),
      { numRuns: 20 },
    );
  });

  it('says in one sentence what was done to a file', async () => {
    const text = await exported();
    const lines = text.slice(0, -1).split('\n');
    const events = lines.flatMap((line, n) => (line.startsWith('{"index"') ? [n] : []));
    const [first, second] = events as [number, number];
    const joined = (of: readonly string[]) => `${of.join('\n')}\n`;
    const without = (n: number) => joined(lines.filter((_, at) => at !== n));
    const swapped = lines.map((line, n) => lines[n === first ? second : n === second ? first : n]!);
    const edited = (n: number, from: RegExp, to: string) =>
      joined(lines.map((line, at) => (at === n ? line.replace(from, to) : line)));
    expect(await problem(joined(lines.slice(0, -1)))).to.match(/^its end needs \d+ nodes/);
    expect(await problem(joined(lines.slice(0, second)))).to.match(
      /^it has \d+ events, and its header/,
    );
    expect(await problem(without(first))).to.match(/^line \d+ (needs \d+ nodes|has number 2)/);
    expect(await problem(without(events.at(-1)!))).to.match(
      /^it has \d+ events|^line \d+ has nodes/,
    );
    expect(await problem(joined(swapped))).to.match(/^line \d+ /);
    expect(await problem(edited(first, /"amount":"/, '"amount":"1'))).to.match(/the root differs$/);
    expect(await problem(edited(first, /"index":/, '"index": '))).to.match(
      /no line of canonical JSON$/,
    );
    expect(await problem(edited(0, /events \d+/, 'events 1'))).to.equal(
      'the signature of the header is not of its text',
    );
    const other = openSigner(signer.name, Buffer.alloc(32, 3));
    const head = JSON.parse(lines[0]!) as { checkpoint: string; header: string };
    const resigned = (note: string) => signNote(note.slice(0, note.lastIndexOf('\n\n') + 1), other);
    const forged = {
      ...head,
      checkpoint: resigned(head.checkpoint),
      header: resigned(head.header),
    };
    const beginning = (line: object, keys?: NoteSigner[]) =>
      problem(joined([JSON.stringify(line), ...lines.slice(1)]), keys);
    expect(await beginning(forged)).to.equal(
      'the checkpoint is not signed by the key that was given',
    );
    const ofAnotherLog = openSigner('another/log', Buffer.alloc(32, 3));
    const headerText = head.header.slice(0, head.header.lastIndexOf('\n\n') + 1);
    const mixed = { ...head, header: signNote(headerText, ofAnotherLog) };
    expect(await beginning(mixed, [signer, ofAnotherLog])).to.equal(
      'the header is signed by the key of another log',
    );
    expect(await problem(joined([lines[0]!, ...lines]))).to.match(/^line 2 is no line of an audit/);
    expect(await problem('')).to.equal('it is empty');
    expect(await problem('{"checkpoint":1}\n')).to.equal('it does not begin as an audit export');
  });

  it('says in one sentence what a hostile file is', async () => {
    const [head, ...rest] = (await exported()).split('\n');
    const behind = (line: string) => problem(`${head}\n${line}\n${rest.join('\n')}`);
    const deep = (times: number) => `${'['.repeat(times)}${']'.repeat(times)}`;
    for (const line of ['', 'null', '[]', '{"leaf":null}', '{"index":0,"leaf":null}'])
      expect(await behind(line), line).to.match(/^line 2 is no line of/);
    expect(await behind('{"index":0,"leaf":[]}')).to.match(/^line 2 (needs|has a leaf)/);
    expect(await behind(`{"index":0,"leaf":${deep(1e6)}}`)).to.match(/^line 2 is no line/);
    const at = rest.findIndex((line) => line.startsWith('{"index"'));
    const leafOf = (line: string) => line.slice(line.indexOf(',"leaf":'));
    for (const number of ['', '00', '-1', '1e0', '9'.repeat(16), '0,"leaf":{}']) {
      const lines = rest.map((line, n) => (n === at ? `{"index":${number}${leafOf(line)}` : line));
      expect(await problem([head, ...lines].join('\n')), number).to.match(
        /^line \d+ (is no line|is leaf|needs|has a leaf)/,
      );
    }
    const [node = ''] = rest.filter((line) => line.startsWith('{"nodes"'));
    for (const line of [node.replace('}', ',"z":1}'), '{"consistency":{},"z":1}'])
      expect(await behind(line)).to.equal('line 2 is no line of an audit export');
    const more = JSON.stringify({ ...(JSON.parse(head ?? '') as object), z: 'all is well' });
    expect(await problem([more, ...rest].join('\n'))).to.match(/^it does not begin as/);
    expect(await behind('{"nodes":[]}')).to.equal('line 2 has nodes that are no hashes');
    const [, consistency = ''] = (await exported({ sinceSize: earlier.size })).split('\n');
    expect(await behind(`${consistency}\n${consistency}`)).to.match(/^line 3 has a proof of cons/);
    const { consistency: given } = JSON.parse(consistency) as { consistency: { hashes: string[] } };
    const changed = (change: object) =>
      behind(JSON.stringify({ consistency: { ...given, ...change } }));
    expect(await changed({ size: 'many' })).to.equal('line 2 has no proof of consistency');
    expect(await changed({ size: checkpoint.size })).to.match(/^line 2 has .* where the tree has/);
    expect(await changed({ size: 0 })).to.match(/^line 2 has a proof of consistency with 0 events/);
    expect(await changed({ hashes: given.hashes.slice(1) })).to.equal(
      'line 2 has a proof of consistency that does not lead to its checkpoint',
    );
    const end = `${[head, ...rest].join('\n')}${consistency}\n`;
    expect(await problem(end)).to.match(/has a proof of consistency, which belongs/);
    expect(await behind(`{"nodes":[${'"",'.repeat(300)}""]}`)).to.match(/^line 2 has nodes that/);
    expect(await behind('x'.repeat(6e6))).to.equal('line 2 is longer than any of ours');
    expect(await problem('x'.repeat(6e6))).to.equal('line 1 is longer than any of ours');
    expect(await problem(`{"checkpoint":${deep(1e6)}}\n`)).to.match(/^it does not begin/);
    const path = join(folder.dir, 'no-text');
    await writeFile(path, Buffer.of(0xff, 0x0a));
    expect(await verifyFile(path, [signer]))
      .to.have.property('problem')
      .match(/UTF-8$/);
    const receipt = (of: string) => problem(`{"modelroute_receipt":1,"disclosures":[],${of}}`);
    for (const of of ['null', '1', '{}', '{"leaf":null}', '{"leaf":{"data":{},"_sd":1}}'])
      expect(await receipt(`"checkpoint":"","events":[${of}]`), of).to.match(/^it is no receipt/);
    expect(await receipt(`"events":${deep(1e6)}`)).to.match(/^it is no receipt/);
  });

  it('takes no line apart that has a separator of its own in a text', async () => {
    const [first = '', ...rest] = (await exported()).split('\n');
    const at = rest.findIndex((line) => line.startsWith('{"index"'));
    rest[at] = rest[at]!.replace('"type":"', '"type":"\u2028');
    expect(await problem([first, ...rest].join('\n'))).to.match(/the root differs$/);
  });

  it('proves that an earlier checkpoint still holds, and finds a fork', async () => {
    const text = await exported({ sinceSize: earlier.size });
    const later = await opened(text);
    const before = await opened(earlier.note);
    expect(forkBetween(before.checkpoint, later.checkpoint, consistencyIn(later))).to.equal(
      undefined,
    );
    const forked = { ...before.checkpoint, root: later.checkpoint.root };
    expect(forkBetween(forked, later.checkpoint, consistencyIn(later))).to.match(
      /^the log was forked/,
    );
    expect(forkBetween(before.checkpoint, later.checkpoint, undefined)).to.match(
      /^it has no proof/,
    );
    const sameSize = { ...later.checkpoint, root: before.checkpoint.root };
    expect(forkBetween(sameSize, later.checkpoint, undefined)).to.match(/^the log was forked/);
  });

  for (const name of ['Python', 'Go'] as const)
    it(`agrees with the verifier in ${name}`, async function () {
      const verifier = await otherVerifiers[name](folder.dir);
      if (typeof verifier === 'string') return skip(this, verifier);
      const text = await exported({ sinceSize: earlier.size });
      const answers = async (given: string, vkey = signer.vkey) => {
        const path = join(folder.dir, `${name}-${files++}`);
        await writeFile(path, given);
        return verifier(path, vkey);
      };
      expect(await answers(text)).to.match(/^verified: \d+ events of org_/);
      const lines = text.slice(0, -1).split('\n');
      const edited = text.replace('"amount":"', '"amount":"1');
      const cut = `${lines.slice(0, -2).join('\n')}\n`;
      const other = openSigner(signer.name, Buffer.alloc(32, 3)).vkey;
      expect(await answers(edited)).to.match(/not those of the signed log/);
      expect(await answers(cut)).to.match(/missing/);
      expect(await answers(text, other)).to.match(/not signed by|no verifiable signatures/);
      const more = text.replace('{"nodes"', '{"all":"is well","nodes"');
      expect(await answers(more)).to.contain('has what nobody proves');
    });

  it('finds what was edited in the database after it was signed', async () => {
    const { readStore } = spec.infra;
    const { organizationId } = asked[5]!;
    await readStore.query('ALTER TABLE eventstore.events DISABLE TRIGGER USER');
    const { rowCount } = await readStore.query(
      `UPDATE eventstore.events SET data = replace(data, '"amount":"', '"amount":"1')
       WHERE type = 'HoldPlaced' AND stream = $1`,
      [`account-${organizationId}`],
    );
    await readStore.query(
      'ALTER TABLE eventstore.events ENABLE ALWAYS TRIGGER events_are_never_changed',
    );
    expect(rowCount).to.be.at.least(1);
    expect(await problem(await exported({ organizationId }))).to.match(/the root differs$/);
  });

  it('verifies a receipt and what is disclosed in it, and what was changed of either', async () => {
    const { organizationId, executionId } = asked[7]!;
    const receipt = await makeReceipt(sources(), {
      organizationId,
      executionId,
      checkpoint,
      accountPositions: [],
      disclosed: ['catalogue_version'],
    });
    const text = JSON.stringify(receipt);
    const found = (await opened(text)) as Extract<Verified, { kind: 'receipt' }>;
    expect(found.disclosed.map(({ field }) => field)).to.deep.equal(['catalogue_version']);
    const changed = (change: object) => problem(JSON.stringify({ ...receipt, ...change }));
    expect(await changed({ status: 'COMPLETED' })).to.equal(
      'its status is not what its events say',
    );
    expect(await changed({ events: [] })).to.equal('it proves no event');
    const [event] = receipt!.events;
    const spaced = JSON.stringify(receipt, null, 2).replaceAll('exec_', '\\u0065xec_');
    expect(await problem(spaced)).to.equal('verified');
    const twice = text.replace('"status":', '"status":"COMPLETED","status":');
    expect(await problem(twice)).to.match(/^it is no receipt/);
    const more = { events: [{ ...event, note: 'all is well' }] };
    for (const change of [{ note: 'all is well' }, more])
      expect(await changed(change)).to.match(/^it is no receipt/);
    const leaf = { ...event!.leaf, time: '2020-01-01T00:00:00.000Z' };
    expect(await changed({ events: [{ ...event, leaf }] })).to.equal(
      'event 1 is not in the signed log',
    );
    const lie = Buffer.from(JSON.stringify(['s', 'region', 'eu'])).toString('base64url');
    expect(await changed({ disclosures: [lie] })).to.equal(
      'what is disclosed is not what the events commit to',
    );
    expect(await problem(text, [openSigner(signer.name, Buffer.alloc(32, 3))])).to.equal(
      'the checkpoint is not signed by the key that was given',
    );
    expect(await readFile(join(folder.dir, '0'), 'utf8')).to.match(/^\{"checkpoint"/);
  });
});
