/** Ten million of the server's own events at the end of the log, and positions of no event. */
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../../../testing/folders.js';
import { freshDatabase, type FreshDatabase } from '../../postgres/testing/fresh-database.js';
import { NoSuchPosition, START, type Position } from '../port.js';
import { startEventStoreDouble, type EventStoreDouble } from '../testing/double/double.js';
import { created, followed, idsOf, land, named, newStream } from '../testing/contract/kit.js';
import { openEventStoreDb, type EventStoreDb } from './eventstoredb.js';
import { migrateSideTables } from './testing/harness.js';

const log = { warn: () => undefined, error: () => undefined };

const MANY = 10_000_000;
/** To go through them takes the server ten seconds. */
const SOON_MS = 900;

describe('a long stretch of the event store’s own events', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let database: FreshDatabase;
  let double: EventStoreDouble;
  let store: EventStoreDb;
  let last: Position;
  const open = () => openEventStoreDb({ url: double.url, databaseUrl: database.url, log });

  before(async () => {
    folder = await temporaryFolder();
    [database, double] = await Promise.all([
      freshDatabase(),
      startEventStoreDouble({ dir: folder.dir }),
    ]);
    await migrateSideTables(database.url);
    store = open();
    last = (await land(store, newStream(), ...named(5))).position;
    await store.close();
    await double.pretendSystemEvents(MANY);
    store = open();
  });
  after(async () => {
    await store?.close();
    await double?.close();
    await database?.drop();
    await folder?.remove();
  });

  async function soon<T>(work: Promise<T>): Promise<T> {
    const began = performance.now();
    const answer = await work;
    expect(performance.now() - began).to.be.lessThan(SOON_MS);
    return answer;
  }

  it('holds up neither the head nor what begins there', async () => {
    const head = await soon(store.head());
    expect(head > last).to.equal(true);
    const follower = followed(store, head);
    await eventually('it follows', () => follower.batches.at(-1)?.caughtUp, SOON_MS);
    const event = created();
    await land(store, newStream(), event);
    await follower.has(1, SOON_MS);
    expect(idsOf(follower.events)).to.deep.equal([event.id]);
    await follower.stop();
  });

  it('holds up the first page and the appends no more than others', async () => {
    expect((await soon(store.readAll(START, 3))).events.length).to.equal(3);
    const { position } = await soon(land(store, newStream(), created()));
    expect(await soon(store.head())).to.equal(position);
  });

  it('is gone through once for all, by steps of a second', async () => {
    // A quicker server, so that this takes three seconds and not ten.
    await double.behave({ passMicros: 0.25 });
    const wanted = created();
    await land(store, newStream('account'), wanted);
    const readers = [{}, { categories: ['account'] }, { types: ['OrganizationCreated'] }] as const;
    const followers = readers.map((filter) => followed(store, last, filter));
    await eventually('they go on', () =>
      followers.every(({ batches }) => batches.some(({ position }) => position > last)),
    );
    const told = followers.flatMap(({ batches }) => batches.map(({ caughtUp }) => caughtUp));
    expect(told).to.not.include(true);
    expect((await double.status()).subscribers).to.be.at.most(2);
    const ids = () => followers.map(({ events }) => idsOf(events));
    const areThere = () => ids().every((one) => one.includes(wanted.id));
    await eventually('they are through', areThere, 40_000);
    await Promise.all(followers.map((follower) => follower.stop()));
    // Another reader of this process is told at once.
    const [event] = (await soon(store.readAll(last, 1))).events;
    expect(event !== undefined && event.position > last).to.equal(true);
  });

  it('has positions between its events, which are refused', async () => {
    const between = last - 1n;
    const refused = await store.readAll(between, 10).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(NoSuchPosition);
    expect((refused as NoSuchPosition).position).to.equal(between);
    expect(await store.rawLog.place(between)).to.equal('between');
    expect(await store.rawLog.place(last)).to.equal('event');
    expect(await store.rawLog.place((await store.head()) + 10n ** 12n)).to.equal('behind');
  });
});
