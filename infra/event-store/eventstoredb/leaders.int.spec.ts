/** A cluster of three whose leader goes, noisily, silently and politely, under load. */
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../../../testing/folders.js';
import { freshDatabase, type FreshDatabase } from '../../postgres/testing/fresh-database.js';
import { NO_STREAM, StoreUnavailable, type AppendUnit } from '../port.js';
import { created, followed, idsOf, landed, newStream, unitOf } from '../testing/contract/kit.js';
import {
  startDoubleCluster,
  type DoubleCluster,
  type LeaderStrike,
} from '../testing/double/cluster.js';
import { openEventStoreDb, type EventStoreDb } from './eventstoredb.js';
import { migrateSideTables } from './testing/harness.js';

const log = { warn: () => undefined, error: () => undefined };
const EVERY_MS = 33;
const ELECTION_MS = 1_500;
/** Of those that were asked when another one led, or later. */
const UNAVAILABLE_MS_MAX = 5_000;

describe('event store on a cluster of EventStoreDB', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let database: FreshDatabase;
  let cluster: DoubleCluster;
  let store: EventStoreDb;
  before(async () => {
    folder = await temporaryFolder();
    [database, cluster] = await Promise.all([freshDatabase(), startDoubleCluster(folder.dir)]);
    await migrateSideTables(database.url);
    store = openEventStoreDb({ url: cluster.url, databaseUrl: database.url, log });
    await store.head();
  });
  after(async () => {
    await store?.close();
    await cluster?.close();
    await database?.drop();
    await folder?.remove();
  });

  for (const strike of ['killed', 'frozen', 'ended'] as const satisfies LeaderStrike[])
    it(`goes on with the next leader when the one before is ${strike}`, async () => {
      const follower = followed(store, await store.head());
      const load = startLoad(store);
      await eventually('under load', () => load.landed.length > 20);
      await cluster.strikeLeader(strike, ELECTION_MS);
      const leadsAt = performance.now();
      const before = load.landed.length;
      await eventually('appends land again', () => load.landed.length > before + 40, 20_000);
      await load.stop();
      const lateMs = Math.max(0, ...load.failedAt.map((at) => at - leadsAt));
      console.log(`      ${load.failedAt.length} unavailable, the last after ${lateMs | 0} ms`);
      expect(lateMs).to.be.lessThan(UNAVAILABLE_MS_MAX);
      const ids = idsOf(load.landed.flatMap(({ appends: [{ events }] }) => events));
      await eventually('all is followed', () => {
        const told = new Set(idsOf(follower.events));
        return ids.every((id) => told.has(id ?? ''));
      });
      await follower.stop();
      const told = idsOf(follower.events);
      expect(new Set(told).size).to.equal(told.length);
      await cluster.whole();
    });
});

/** What lands is asked again, and is there once. */
function startLoad(store: EventStoreDb) {
  const landedUnits: AppendUnit[] = [];
  const failedAt: number[] = [];
  const asked = new Set<Promise<void>>();
  const ask = async () => {
    const unit = unitOf(newStream(), NO_STREAM, created());
    try {
      expect(landed((await store.append(unit))[0]).revision).to.equal(0);
      landedUnits.push(unit);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      failedAt.push(performance.now());
    }
  };
  const timer = setInterval(() => {
    const answered: Promise<void> = ask().finally(() => asked.delete(answered));
    asked.add(answered);
  }, EVERY_MS);
  return {
    landed: landedUnits,
    failedAt,
    async stop() {
      clearInterval(timer);
      await Promise.all(asked);
    },
  };
}
