/** One organization's commands over an event store whose server stands still now and then. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  openEventStoreDb,
  type EventStoreDb,
} from '../../infra/event-store/eventstoredb/eventstoredb.js';
import { migrateSideTables } from '../../infra/event-store/eventstoredb/testing/harness.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import {
  startEventStoreDouble,
  type EventStoreDouble,
} from '../../infra/event-store/testing/double/double.js';
import { freshDatabase, type FreshDatabase } from '../../infra/postgres/testing/fresh-database.js';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import { deposit, hold, newOrganization } from '../testing/kit.js';
import { openAccounts } from './accounts.js';

const log = { warn: () => undefined, error: () => undefined };
const EVERY_MS = 20;

interface Asked {
  readonly at: number;
  readonly ms: number;
  readonly isUnavailable: boolean;
}

describe('the commands of one organization while the event store stalls', function () {
  this.timeout(60_000);
  // Where the machine itself stood still, nothing is said of the store's stall.
  this.retries(2);
  let folder: TemporaryFolder;
  let database: FreshDatabase;
  let double: EventStoreDouble;
  let store: EventStoreDb;
  before(async () => {
    folder = await temporaryFolder();
    [database, double] = await Promise.all([
      freshDatabase(),
      startEventStoreDouble({ dir: folder.dir }),
    ]);
    await migrateSideTables(database.url);
    store = openEventStoreDb({ url: double.url, databaseUrl: database.url, log });
  });
  after(async () => {
    await store?.close();
    await double?.close();
    await database?.drop();
    await folder?.remove();
  });

  async function underLoad(stall: () => Promise<void>): Promise<readonly Asked[]> {
    const accounts = openAccounts({ store, onError: (error) => expect.fail(String(error)) });
    const org = newOrganization();
    await accounts.submit(org, deposit(org, 1_000_000n));
    const asked: Promise<Asked>[] = [];
    const ask = async (key: string): Promise<Asked> => {
      const at = performance.now();
      const answer = accounts.submit(org, hold({ organizationId: org, key, amount: 1n }));
      const isUnavailable = await answer.then(
        () => false,
        (error: unknown) => {
          expect(error).to.be.instanceOf(StoreUnavailable);
          return true;
        },
      );
      return { at, ms: performance.now() - at, isUnavailable };
    };
    const timer = setInterval(() => asked.push(ask(`k${asked.length}`)), EVERY_MS);
    await stall();
    await sleep(700);
    clearInterval(timer);
    return Promise.all(asked);
  }

  it('of 1.5 s costs nobody an answer', async () => {
    const asked = await underLoad(async () => {
      for (let n = 0; n < 2; n++) {
        await double.stall(1_500);
        await sleep(2_000);
      }
    });
    const slowest = asked.map(({ ms }) => ms).sort((a, b) => b - a);
    console.log(
      `      ${asked.length} asked, p99 ${slowest[Math.floor(asked.length / 100)]! | 0} ms`,
    );
    expect(asked.filter(({ isUnavailable }) => isUnavailable)).to.deep.equal([]);
    expect(slowest[Math.floor(asked.length / 100)]).to.be.lessThan(1_800);
  });

  it('frozen for 4 s costs answers only while it lasts, and half a second after', async () => {
    let thawedAt = 0;
    const asked = await underLoad(async () => {
      double.freeze();
      await sleep(4_000);
      double.thaw();
      thawedAt = performance.now();
    });
    const refused = asked.filter(({ isUnavailable }) => isUnavailable);
    const lastMs = Math.max(...refused.map(({ at, ms }) => at + ms - thawedAt));
    console.log(
      `      ${refused.length} of ${asked.length} refused, the last ${lastMs | 0} ms after`,
    );
    expect(lastMs).to.be.lessThan(500);
    for (const { ms } of asked) expect(ms).to.be.lessThan(2_500);
  });
});
