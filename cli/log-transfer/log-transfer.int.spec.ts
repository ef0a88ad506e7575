import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { FileId } from '../../contracts/ids.js';
import { expectOwnLog, readIdentity } from '../../infra/event-store/identity.js';
import { START, type EventStore, type Position } from '../../infra/event-store/port.js';
import type { StoredExport } from '../../infra/exports/port.js';
import { openPostgresExports } from '../../infra/exports/postgres.js';
import { StartError } from '../../infra/start-error.js';
import { startChild } from '../../testing/child-process.js';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import { programOf } from '../../testing/system.js';
import { openStory, tellEverything, tellTold, type Story } from '../../audit/testing/story.js';
import { logFile } from './archive.js';
import { openInstallation, SEGMENT_EVENTS, type Installation } from './testing/installation.js';

describe('log transfer', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let again: TemporaryFolder;
  let installations: Installation[] = [];
  let old: Installation;
  let story: Story;

  const installation = async (
    ...asked: Parameters<typeof openInstallation>
  ): Promise<Installation> => {
    const opened = await openInstallation(...asked);
    installations.push(opened);
    return opened;
  };

  beforeEach(async () => {
    [folder, again] = [await temporaryFolder(), await temporaryFolder()];
    old = await installation('postgres');
    story = openStory();
    tellEverything(story);
    await old.tell(story);
  });
  afterEach(async () => {
    await Promise.all(installations.map((one) => one.close()));
    installations = [];
    await Promise.all([folder.remove(), again.remove()]);
  });

  const refused = async (work: Promise<unknown>, sentence: RegExp): Promise<void> => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(StartError);
    expect((error as Error).message)
      .to.match(sentence)
      .and.not.match(/\n/);
  };

  /** What an event is, wherever it lies. */
  const told = async (store: EventStore) => {
    const events = [];
    for (let after = START; ;) {
      const batch = await store.readAll(after, 1_000);
      events.push(...batch.events.map(({ position: _, ...event }) => event));
      if (batch.caughtUp) return events;
      after = batch.position;
    }
  };

  const positionsOf = async (store: EventStore): Promise<readonly Position[]> =>
    (await store.readAll(START, 1_000)).events.map(({ position }) => position);

  const checkpoints = async ({ readStore }: Installation) =>
    (
      await readStore.query<{ group_name: string; position: bigint }>(
        'SELECT group_name, position FROM processing.checkpoints ORDER BY group_name',
      )
    ).rows.map(({ group_name, position }) => [group_name, position]);

  const setCheckpoint = ({ readStore }: Installation, group: string, position: Position) =>
    readStore.query(
      `INSERT INTO processing.checkpoints (group_name, position) VALUES ($1, $2)
       ON CONFLICT (group_name) DO UPDATE SET position = excluded.position`,
      [group, position],
    );

  const exportsOf = async ({ readStore: pool }: Installation) => {
    const identity = await readIdentity(pool);
    return openPostgresExports({ pool, ...(identity && { epoch: identity.epoch }) });
  };

  /** One of all feeds in the middle of a plan, one of an organization, one that has not begun. */
  async function exporting(of: Installation): Promise<readonly StoredExport[]> {
    const exports = await exportsOf(of);
    const common = { format: 'parquet', from: 0n, eventsMax: 7, delaySeconds: 60 } as const;
    const all = { ...common, organizationId: undefined, hasOperators: true };
    const { organizationId } = story;
    await exports.set({ ...all, name: 'all', sink: { folder: 'all' } });
    await exports.set({ ...all, name: 'later', sink: { folder: 'later' }, from: 3n });
    const ours = { ...common, organizationId, hasOperators: false, from: 5n };
    await exports.set({ ...ours, name: 'ours', sink: { s3: { bucket: 'acme' } } });
    const [{ id } = { id: '' }] = await exports.list();
    await exports.begin(id, 0n, { position: START, organizationId: undefined, sequence: 0n });
    await exports.plan(id, 0n, 4n);
    const cursor = { position: 4n, organizationId, sequence: 4n };
    await exports.finish(id, 0n, 4n, { cursor, files: ['one'] });
    expect(await exports.plan(id, 4n, 6n)).to.equal(true);
    return exports.list();
  }

  /** They are where they were, by numbers, and wait until they are set again. */
  async function expectPaused(of: Installation, before: readonly StoredExport[]): Promise<void> {
    const exports = await exportsOf(of);
    const carried = before.filter(({ name }) => name !== 'later');
    expect(await exports.list()).to.deep.equal(
      carried.map((one) => ({
        ...one,
        isPaused: true,
        cursor: one.cursor && { ...one.cursor, position: undefined },
      })),
    );
    expect(await exports.set(carried[0]!)).to.equal('set');
    const [all] = await exports.list();
    expect([all?.isPaused, all?.done, all?.planned]).to.deep.equal([false, 4n, 6n]);
  }

  it('to EventStoreDB beside the same database, and back into an empty one', async () => {
    await old.project();
    const last = story.events.length - 1;
    for (const [group, position] of [
      ['all', last],
      ['some', 17],
      ['none', -1],
    ] as const)
      await setCheckpoint(old, group, BigInt(position));
    const letter = ['some', story.account, 0, 'FundsDeposited', 0n, 3, 'poison'];
    await old.readStore.query(
      `INSERT INTO processing.dead_letters
         (group_name, stream, revision, type, position, attempts, error)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      letter,
    );
    await old.readStore.query(
      `INSERT INTO processing.waiting_executions
         (execution_id, organization_id, queue, cause, since)
       VALUES ('exec_1', 'org_1', 'text', 'spec', now())`,
    );
    const exportsBefore = await exporting(old);
    const { manifest: first } = await old.exportTo(folder.dir);

    const between = await installation('eventstoredb', old);
    const moved = await between.importFrom(folder.dir);
    expect([moved.outcome, moved.appended]).to.deep.equal(['moved', story.events.length]);
    expect(await told(between.database.store)).to.deep.equal(await told(old.database.store));
    const positions = await positionsOf(between.database.store);
    expect(positions[17]).not.to.equal(17n);
    expect(await checkpoints(between)).to.deep.equal([
      ['all', positions[last]],
      ['none', START],
      ['some', positions[17]],
    ]);
    const letters = await between.readStore.query('SELECT * FROM processing.dead_letters');
    expect(letters.rows[0]).to.include({ position: positions[0], stream: story.account });
    expect(await between.findings()).to.deep.equal([]);

    await between.exportTo(again.dir);
    const fresh = await installation('postgres');
    await fresh.importFrom(again.dir);
    expect(await fresh.findings()).to.deep.equal([]);
    const waiting = await fresh.readStore.query('SELECT * FROM processing.waiting_executions');
    expect(waiting.rows[0]).to.include({ execution_id: 'exec_1', queue: 'text', taken_by: null });
    expect((await checkpoints(fresh)).map(([, position]) => position)).to.deep.equal([
      BigInt(last),
      START,
      17n,
    ]);
    await expectPaused(fresh, exportsBefore);
    const third = await temporaryFolder();
    const { manifest: end } = await fresh.exportTo(third.dir);
    await third.remove();
    expect(end.content_sha256).to.equal(first.content_sha256);
    expect(end.segments.map((segment) => segment.log.sha256)).to.deep.equal(
      first.segments.map((segment) => segment.log.sha256),
    );
  });

  it('twice changes nothing; into an installation in use is refused', async () => {
    await old.exportTo(folder.dir);
    const target = await installation('postgres');
    expect((await target.importFrom(folder.dir)).outcome).to.equal('moved');
    await setCheckpoint(target, 'some', 3n);
    const { outcome, appended } = await target.importFrom(folder.dir);
    expect([outcome, appended]).to.deep.equal(['nothing_to_do', 0]);
    expect(await checkpoints(target)).to.deep.equal([['some', 3n]]);
    const from = story.events.length;
    story.deposit(1n);
    await target.tell(story, from);
    await refused(target.importFrom(folder.dir), /goes on behind the export, with revision \d+ of/);
  });

  it('stops at the first event that is another one, and says which', async () => {
    await old.exportTo(folder.dir);
    const other = await installation('postgres');
    const another = openStory();
    another.deposit(5n);
    await other.tell(another);
    await refused(
      other.importFrom(folder.dir),
      new RegExp(`revision 0 of ${another.account} where .* revision 0 of ${story.account}`),
    );
    expect(await told(other.database.store)).to.have.length(1);
  });

  it('of an archive that is older than the log is refused, or says what it gives up', async () => {
    await old.exportTo(folder.dir);
    const moved = await installation('eventstoredb', old);
    await moved.importFrom(folder.dir);
    expect((await old.importFrom(folder.dir)).outcome, 'nothing is newer').to.equal('moved');
    await moved.importFrom(folder.dir);
    const from = story.events.length;
    tellTold(story);
    await moved.tell(story, from);
    await moved.project();
    const newer =
      /has behind position \d+, up to position \d+, with 1 execution that changed there:/;
    await refused(old.importFrom(folder.dir), newer);
    await moved.exportTo(again.dir);
    const fresh = await installation('postgres');
    expect((await fresh.importFrom(folder.dir)).discarded, 'it knows of none').to.equal(undefined);
    const { outcome, discarded } = await old.importFrom(folder.dir, { discardNewer: true });
    expect([outcome, discarded?.kind, discarded?.executions]).to.deep.equal([
      'moved',
      'eventstoredb',
      1,
    ]);
    expect(await old.findings()).to.deep.equal([]);
    expect((await moved.importFrom(again.dir)).discarded, 'a newer one').to.equal(undefined);
  });

  it('in two rounds: most of it while the old one is in use, the rest at the end', async () => {
    await old.project();
    await expectOwnLog(old.readStore, old.database, { remember: true });
    const first = await old.exportTo(folder.dir);
    const target = await installation('eventstoredb', old);
    const staged = await target.importFrom(folder.dir, { stage: true });
    expect([staged.outcome, staged.appended]).to.deep.equal(['staged', story.events.length]);
    const from = story.events.length;
    tellTold(story);
    await old.tell(story, from);
    await refused(target.importFrom(folder.dir), /The export is older than the log of this/);
    const second = await old.exportTo(folder.dir);
    expect(second.written).to.equal((from % SEGMENT_EVENTS) + story.events.length - from);
    expect(second.manifest.segments[0]).to.deep.equal(first.manifest.segments[0]);
    const { outcome, appended } = await target.importFrom(folder.dir);
    expect([outcome, appended]).to.deep.equal(['moved', story.events.length - from]);
    expect(await target.findings()).to.deep.equal([]);
  });

  it('with large payloads and files, each as it was, and says what is gone', async () => {
    const large = Buffer.alloc(100_000, 'large');
    const { objects, database } = old;
    const fileId: FileId = `file_${randomUUID()}`;
    const { organizationId } = story;
    const source = Readable.from([large]);
    const stored = await objects.files.put(fileId, organizationId, source, large.length);
    const gone: FileId = `file_${randomUUID()}`;
    const from = story.events.length;
    for (const id of [fileId, gone])
      story.tell(`file-${id}`, 'FileStored', {
        fileId: id,
        organizationId,
        executionId: story.execution(),
        purpose: 'OUTPUT',
        contentType: 'text/plain',
        format: 'txt',
        ...stored,
        ...(id === gone && { sha256: '0'.repeat(64) }),
      });
    const ref = { ref: 'large', sha256: stored.sha256, bytes: large.length };
    const id = story.execution();
    const holdId = story.place(id, 10n);
    story.request(id, holdId, 10n, { input: ref });
    story.on(id, 'ExecutionCancelled', { holdId });
    story.release(id, holdId, 10n, 'cancelled');
    await old.tell(story, from);
    await database.smallPayloads.remove('large');
    await objects.payloads.put({ ref: 'large', organizationId, bytes: large });
    const { manifest } = await old.exportTo(folder.dir, { files: true });
    const missing = manifest.segments.map(({ belongings }) => belongings?.missing ?? 0);
    expect(missing.reduce((sum, n) => sum + n)).to.equal(1);
    const target = await installation('postgres');
    await target.importFrom(folder.dir);
    expect(await target.objects.payloads.get(ref)).to.deep.equal(large);
    expect(await target.objects.files.size(fileId)).to.equal(large.length);
    expect(await target.objects.files.size(gone)).to.equal(undefined);
    expect(await target.findings()).to.deep.equal([]);
  });

  it('carries events that this release cannot read, byte for byte', async () => {
    const plant = (stream: string, type: string, data: string) =>
      old.readStore.query(
        `INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata)
         SELECT max(position) + 1, $1, 0, $2, $3, $4, '{"time": "whenever"}'
         FROM eventstore.events`,
        [stream, randomUUID(), type, data],
      );
    await plant(`execution-exec_${randomUUID()}`, 'ExecutionForgotten', '{ "spaced" : 1 }');
    await plant(`file-file_${randomUUID()}`, 'FileStored', 'not JSON, \u2028 "quoted"');
    const { unreadable } = await old.exportTo(folder.dir);
    expect(unreadable).to.equal(2);
    const target = await installation('postgres');
    const { readModels } = await target.importFrom(folder.dir);
    expect(readModels).to.equal('left to the projectors');
    const texts = async ({ readStore }: Installation) =>
      (await readStore.query('SELECT * FROM eventstore.events ORDER BY position'))
        .rows as unknown[];
    expect(await texts(target)).to.deep.equal(await texts(old));
  });

  it('killed in the middle it is given again, and long accounts have a snapshot', async () => {
    const long = openStory();
    for (let n = 0; n < 12_000; n++) long.deposit(1n);
    const source = await installation('postgres');
    await source.tellFast(long);
    await source.exportTo(folder.dir, { segmentEvents: 1_000 });
    const target = await installation('postgres');
    const env = { DATABASE_URL: target.url, MODELROUTE_DATA_DIR: again.dir };
    const importing = startChild({
      ...programOf({}, 'import', folder.dir),
      env,
      onLine: (line) => /^[5-9]000 of/.test(line) && importing.process.kill('SIGKILL'),
    });
    expect((await importing.exited).signal, importing.lines.join('\n')).to.equal('SIGKILL');
    const there = await told(target.database.store);
    expect(there).to.have.length.within(1_000, 11_999);
    const { outcome, appended, snapshots } = await target.importFrom(folder.dir);
    const left = 12_000 - there.length;
    expect([outcome, snapshots]).to.deep.equal(['moved', 1]);
    // What the killed one had sent may land behind our look.
    expect(appended).to.be.within(1, left);
    expect(await told(target.database.store)).to.deep.equal(await told(source.database.store));
    const snapshot = await target.database.store.readSnapshot(long.account);
    expect(snapshot?.revision).to.equal(11_999);
    const newest = { direction: 'backward', limit: 1 } as const;
    const [last] = await target.database.store.readStream(long.account, newest);
    expect(snapshot?.state.split('\n')[0], 'by which it is believed').to.equal(last?.id);
  });

  it('refuses an archive that is damaged', async () => {
    await old.exportTo(folder.dir);
    const path = join(folder.dir, logFile(1));
    const bytes = await readFile(path);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const target = await installation('postgres');
    await refused(target.importFrom(folder.dir), /000001.ndjson.gz is damaged/);
    const another = await installation('postgres');
    await refused(another.exportTo(folder.dir), /holds an export of another log|from another/);
  });

  it('stops whoever opens a database with another log than its positions are of', async () => {
    const remember = { remember: true };
    await expectOwnLog(old.readStore, old.database, remember);
    const { database } = await installation('eventstoredb', old);
    await refused(
      expectOwnLog(old.readStore, database, remember),
      /belong to a log in PostgreSQL .*modelroute export/,
    );
    await old.exportTo(folder.dir);
    const moved = await installation('postgres');
    await moved.importFrom(folder.dir);
    await expectOwnLog(moved.readStore, moved.database, remember);
    const stranger = await installation('postgres');
    const another = openStory();
    another.deposit(5n);
    await stranger.tell(another);
    await refused(
      expectOwnLog(old.readStore, stranger.database, remember),
      /not the one that the checkpoints/,
    );
    const younger = await installation('postgres');
    await younger.importFrom(folder.dir, { stage: true });
    const from = story.events.length;
    story.deposit(1n);
    await old.tell(story, from);
    await expectOwnLog(old.readStore, old.database, remember);
    await refused(
      expectOwnLog(old.readStore, younger.database, remember),
      /restored from an older backup/,
    );
  });
});
