/** How the adapter handles faults of servers and connections; each case a trap of the store. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { startEventStoreDouble, type EventStoreDouble } from '../testing/double/double.js';
import { eventually } from '../../../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../../../testing/folders.js';
import { freshDatabase, type FreshDatabase } from '../../postgres/testing/fresh-database.js';
import { InvalidEvent } from '../codec.js';
import {
  adding,
  created,
  followed,
  idsOf,
  land,
  landed,
  named,
  newStream,
  readToEnd,
  unitOf,
} from '../testing/contract/kit.js';
import { NO_STREAM, StoreUnavailable, type AppendUnit, type EventStore } from '../port.js';
import { openTcpProxy, type TcpProxy } from '../../../testing/tcp-proxy.js';
import { openEventStoreDb, type EventStoreDb } from './eventstoredb.js';
import { migrateSideTables } from './testing/harness.js';

const log = { warn: () => undefined, error: () => undefined };
const TIMEOUT_MS = 2_600;

describe('event store on EventStoreDB, when something is wrong', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let database: FreshDatabase;
  let double: EventStoreDouble;
  let store: EventStoreDb;

  before(async () => {
    folder = await temporaryFolder();
    [database, double] = await Promise.all([
      freshDatabase(),
      startEventStoreDouble({ dir: folder.dir, behaviour: { appendsPerSystemEvent: 3 } }),
    ]);
    await migrateSideTables(database.url);
    store = openEventStoreDb({ url: double.url, databaseUrl: database.url, log });
    await store.head();
  });
  after(async () => {
    await store?.close();
    await double?.close();
    await database?.drop();
    await folder?.remove();
  });

  const unit = (): AppendUnit => unitOf(newStream(), NO_STREAM, ...named(3));
  const idsIn = ({ appends }: AppendUnit) => idsOf(appends[0].events);
  const idsThere = async ({ appends }: AppendUnit, from: EventStore = store) =>
    idsOf(await from.readStream(appends[0].stream));

  describe('an append', () => {
    for (const fault of ['commitThenSilence', 'busy', 'notLeader', 'refuse'] as const) {
      it(`lands once and is answered in time after ${fault}`, async () => {
        const asked = unit();
        await double.behave({ [fault]: 1 });
        const began = performance.now();
        const [outcome] = await store.append(asked);
        expect(performance.now() - began).to.be.lessThan(TIMEOUT_MS);
        const there = await store.readStream(asked.appends[0].stream);
        expect(idsOf(there)).to.deep.equal(idsIn(asked));
        expect(landed(outcome).revision).to.equal(2);
        expect(landed(outcome).position).to.equal(there[2]?.position);
      });
    }

    it('that is never answered is unavailable in time, and the same again is told', async () => {
      const asked = unit();
      await double.behave({ silence: 'every' });
      const began = performance.now();
      const { retries } = store.stats().appender;
      const [settled] = await Promise.allSettled([store.append(asked)]);
      expect((settled as PromiseRejectedResult).reason).to.be.instanceOf(StoreUnavailable);
      expect(performance.now() - began).to.be.within(1_000, TIMEOUT_MS);
      expect(store.stats().appender.retries).to.be.at.most(retries + 1);
      await double.behave({ silence: 0 });
      expect(landed((await store.append(asked))[0]).revision).to.equal(2);
      expect(await idsThere(asked)).to.deep.equal(idsIn(asked));
    });

    it('is answered late, and counts: nothing is sent again', async () => {
      const [asked, later] = [unit(), unit()];
      const { retries, lookups } = store.stats().appender;
      const late = store.append(asked);
      double.freeze();
      await sleep(1_400);
      double.thaw();
      expect(landed((await late)[0]).revision).to.equal(2);
      expect(landed((await store.append(later))[0]).revision).to.equal(2);
      const { appender } = store.stats();
      expect([appender.retries, appender.lookups]).to.deep.equal([retries, lookups]);
    });

    it('that follows one which took a stall has time of its own', async () => {
      const asked = [unit(), unit()].map(({ appends }) => appends[0]) as [never, never];
      double.freeze();
      const landing = store.append({ appends: asked, onPrimaryLanded: () => double.freeze() });
      for (let stall = 0; stall < 2; stall++) {
        await sleep(stall === 0 ? 1_400 : 700);
        double.thaw();
      }
      expect((await landing).map((outcome) => landed(outcome).revision)).to.deep.equal([2, 2]);
    });

    it('that is never answered is found in its stream before its time is over', async () => {
      const asked = unit();
      await double.behave({ commitThenSilence: 'every' });
      const [outcome] = await store.append(asked);
      await double.behave({ commitThenSilence: 0 });
      const there = await store.readStream(asked.appends[0].stream);
      expect(landed(outcome)).to.deep.include({ revision: 2, position: there[2]?.position });
    });

    it('is recognised by a server that was restarted and forgot its ids', async () => {
      const asked = unit();
      const first = await store.append(asked);
      await store.append(unitOf(asked.appends[0].stream, 2, created()));
      await double.restart();
      expect(await store.append(asked)).to.deep.equal(first);
      const other = unitOf(asked.appends[0].stream, NO_STREAM, ...named(3));
      expect(await store.append(other)).to.deep.equal([{ status: 'conflict', actualRevision: 3 }]);
    });

    it('of many at once survives a server that dies under them, and comes back', async () => {
      const units = Array.from({ length: 150 }, unit);
      const [, ...settled] = await Promise.allSettled([
        double.restart(),
        ...units.map((asked) => store.append(asked)),
      ]);
      for (const one of settled)
        if (one.status === 'rejected') expect(one.reason).to.be.instanceOf(StoreUnavailable);
      const outcomes = await Promise.all(units.map((asked) => store.append(asked)));
      for (const [outcome] of outcomes) expect(landed(outcome).revision).to.equal(2);
      for (const asked of units.slice(0, 20))
        expect(await idsThere(asked)).to.deep.equal(idsIn(asked));
    });
  });

  describe('a frozen server', () => {
    it('makes everything fail in time, and is used again when it thaws', async () => {
      // Far more than the sockets hold, so that writing itself is held up; and more than may be
      // under way at once, so that some only wait.
      const large = Array.from({ length: 12 }, () =>
        unitOf(newStream(), NO_STREAM, ...named(100, 'x'.repeat(4_000))),
      );
      const small = Array.from({ length: 1_100 }, () => unitOf(newStream(), NO_STREAM, created()));
      double.freeze();
      const asked = [
        ...[...large, ...small].map((one) => () => store.append(one)),
        () => store.readStream(newStream()),
        () => store.head(),
      ];
      const tookMs = await Promise.all(
        asked.map(async (ask) => {
          const began = performance.now();
          const [settled] = await Promise.allSettled<unknown>([ask()]);
          expect((settled as PromiseRejectedResult).reason).to.be.instanceOf(StoreUnavailable);
          return performance.now() - began;
        }),
      );
      double.thaw();
      // So many at once keep this process itself busy for a while.
      expect(Math.max(...tookMs)).to.be.lessThan(TIMEOUT_MS + 900);
      await eventually('recovery', () =>
        store.head().then(
          () => true,
          () => false,
        ),
      );
      const outcomes = await Promise.all(large.slice(0, 3).map((asked) => store.append(asked)));
      for (const [outcome] of outcomes) expect(landed(outcome).revision).to.equal(99);
    });
  });

  describe('a subscription', () => {
    async function resumes(interrupt: () => Promise<unknown>): Promise<void> {
      const after = await store.head();
      const follower = followed(store, after);
      const ids = named(10);
      for (const event of ids.slice(0, 5)) await land(store, newStream(), event);
      await follower.has(5);
      await interrupt();
      for (const event of ids.slice(5))
        await eventually('landed', async () => {
          const outcome = await store.append(unitOf(newStream(), NO_STREAM, event)).catch(() => 0);
          return outcome !== 0;
        });
      await follower.has(10);
      await follower.stop();
      expect(idsOf(follower.events)).to.deep.equal(idsOf(ids));
      expect(idsOf(await readToEnd(store, after))).to.deep.equal(idsOf(ids));
    }

    it('goes on after a restart of the server', () => resumes(() => double.restart()));

    it('goes on when the server drops it as too slow', () =>
      resumes(async () => expect(await double.dropSubscribers()).to.equal(1)));

    it('is one for all subscribers, and none when nobody follows', async () => {
      const head = await store.head();
      const followers = [followed(store, head), followed(store, head), followed(store, head)];
      await eventually('following', () => followers.every(({ batches }) => batches.length > 0));
      await eventually('one', async () => (await double.status()).subscribers === 1);
      for (const follower of followers) await follower.stop();
      await eventually('none', async () => (await double.status()).subscribers === 0);
    });

    it('whose handler throws ends alone, and begins again where it was', async () => {
      const after = await store.head();
      const other = followed(store, after);
      let position = after;
      const failing = followed(store, after, {}, async (batch) => {
        if (batch.events.length > 0) throw new Error('handler');
        position = batch.position;
      });
      const event = created();
      await land(store, newStream(), event);
      await other.has(1);
      await eventually('the batch', () => failing.events.length > 0);
      const [end] = await Promise.allSettled([failing.stop()]);
      expect(end?.status).to.equal('rejected');
      const again = followed(store, position);
      await again.has(1);
      await Promise.all([again.stop(), other.stop()]);
      expect(idsOf(again.events)).to.deep.equal([event.id]);
    });
  });

  describe("the server's own events", () => {
    it('are told to nobody, and count for no position', async () => {
      const after = await store.head();
      const follower = followed(store, after);
      const events = named(20);
      for (const event of events) await land(store, newStream(), event);
      const { position } = await land(store, newStream('account'), created());
      await follower.has(21);
      await follower.stop();
      expect(idsOf(follower.events.slice(0, 20))).to.deep.equal(idsOf(events));
      expect(await store.head()).to.equal(position);
      expect((await readToEnd(store, after, {}, 4)).length).to.equal(21);
      const accounts = await store.readAll(after, 100, { categories: ['account'] });
      expect(accounts.events.map((event) => event.position)).to.deep.equal([position]);
      expect(accounts.caughtUp).to.equal(true);
    });

    it('may be the last of the log, and many', async () => {
      const { position } = await land(store, newStream(), created());
      await double.behave({ appendsPerSystemEvent: 1 });
      await double.behave({ appendsPerSystemEvent: 3 });
      expect(await store.head()).to.equal(position);
      const filter = { types: ['FundsDeposited'] } as const;
      expect(await store.readAll(position, 10, filter)).to.deep.equal({
        events: [],
        position,
        caughtUp: true,
      });
    });
  });

  describe('payloads, while their database is silent', () => {
    let proxy: TcpProxy;
    let other: EventStoreDb;
    before(async () => {
      proxy = await openTcpProxy(database.url);
      other = openEventStoreDb({ url: double.url, databaseUrl: proxy.url, log });
    });
    after(async () => {
      proxy.mode = 'through';
      await other.close();
      await proxy.close();
    });

    it('hold up their own units, none of which is sent, and nobody else', async () => {
      const payload = (ref: string) => ({ ref, organizationId: 'org', bytes: Buffer.from(ref) });
      const units = Array.from({ length: 20 }, (_, n) => ({
        ...unit(),
        payloads: [payload(`${n}`)],
      }));
      proxy.mode = 'silent';
      const began = performance.now();
      const held = Promise.allSettled(units.map((one) => other.append(one)));
      landed((await other.append(unit()))[0]);
      for (const settled of await held)
        expect((settled as PromiseRejectedResult).reason).to.be.instanceOf(StoreUnavailable);
      expect(performance.now() - began).to.be.lessThan(TIMEOUT_MS + 400);
      expect(await Promise.all(units.map((one) => idsThere(one)))).to.deep.equal(
        units.map(() => []),
      );
      proxy.mode = 'through';
      await eventually('recovery', () => other.append(units[0]!).catch(() => undefined));
      expect(String(await other.smallPayloads.get('0'))).to.equal('0');
    });
  });

  describe('an append that is too large', () => {
    it('is refused before anything of its unit is sent', async () => {
      const [lead, follower] = [newStream(), newStream()];
      const asked: AppendUnit = {
        appends: [
          adding(lead, NO_STREAM, created()),
          adding(follower, NO_STREAM, ...named(300, 'x'.repeat(4_000))),
        ],
      };
      const { appends } = store.stats().appender;
      const [settled] = await Promise.allSettled([store.append(asked)]);
      const { reason } = settled as PromiseRejectedResult;
      expect(reason).to.be.instanceOf(InvalidEvent);
      expect((reason as Error).message).to.match(/may have 1048576 bytes, and these 300 events/);
      expect(store.stats().appender.appends).to.equal(appends);
      expect(await store.readStream(lead)).to.deep.equal([]);
    });

    it('for a server with a smaller limit is refused by its name', async () => {
      await double.behave({ appendBytesMax: 10_000 });
      const large = unitOf(newStream(), NO_STREAM, ...named(5, 'x'.repeat(4_000)));
      const [settled] = await Promise.allSettled([store.append(large)]);
      await double.behave({ appendBytesMax: 1024 * 1024 });
      const { reason } = settled as PromiseRejectedResult;
      expect(reason).to.be.instanceOf(InvalidEvent);
      expect((reason as Error).message).to.contain('MaximumAppendSizeExceeded');
    });
  });

  it('lets its process end when it is closed', async () => {
    const child = fork(
      fileURLToPath(new URL('./testing/closing-child.ts', import.meta.url)),
      [double.url, database.url],
      { execArgv: ['--import', 'tsx'] },
    );
    const [said] = (await once(child, 'message')) as [unknown];
    expect(said).to.equal('closed');
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).to.equal(0);
  });
});
