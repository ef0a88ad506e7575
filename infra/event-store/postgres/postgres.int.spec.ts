/** What only PostgreSQL promises, and how it bears what happens to a database. */
import { randomBytes, randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import pg from 'pg';
import type { StreamName } from '../../../contracts/streams.js';
import { eventually } from '../../../testing/eventually.js';
import { InvalidEvent } from '../codec.js';
import {
  created,
  followed,
  idsOf,
  land,
  landed,
  named,
  newStream,
  unitOf,
} from '../testing/contract/kit.js';
import { NO_STREAM, StoreUnavailable, type EventStore } from '../port.js';
import { cutAll, openPostgresHarness, type PostgresHarness } from './testing/harness.js';
import { openPostgresEventStore, type PostgresEventStore } from './postgres.js';
import { openTcpProxy, type TcpProxy } from '../../../testing/tcp-proxy.js';

const log = { warn: () => undefined, error: () => undefined };

describe('event store on PostgreSQL', () => {
  let harness: PostgresHarness;
  let store: PostgresEventStore;
  before(async () => {
    harness = await openPostgresHarness(log);
    ({ store } = harness);
  });
  after(() => harness?.close());

  describe('group commit', () => {
    it('makes few batches of many units', async () => {
      const before = store.stats();
      const units = Array.from({ length: 500 }, () => unitOf(newStream(), NO_STREAM, ...named(3)));
      await Promise.all(units.map((unit) => store.append(unit)));
      const { commit } = store.stats();
      expect(commit.units - before.commit.units).to.equal(500);
      expect(commit.events - before.commit.events).to.equal(1500);
      expect(commit.batches - before.commit.batches).to.be.at.most(5);
    });

    it('keeps the order of units of one turn on one stream', async () => {
      const stream = newStream();
      const events = named(50);
      const before = store.stats();
      const outcomes = await Promise.all(
        events.map((event, n) => store.append(unitOf(stream, n - 1, event))),
      );
      expect(outcomes.map(([outcome]) => landed(outcome).revision)).to.deep.equal(
        events.map((_, n) => n),
      );
      expect(idsOf(await store.readStream(stream))).to.deep.equal(idsOf(events));
      expect(store.stats().commit.batches - before.commit.batches).to.be.at.most(2);
    });

    it('halves a batch that PostgreSQL refuses until the bad unit stands alone', async () => {
      const { halvings } = store.stats().appender;
      // More than an entry of the index can hold.
      const poison = `organization-${randomBytes(6000).toString('base64')}` as StreamName;
      const streams = Array.from({ length: 21 }, (_, n) => (n === 13 ? poison : newStream()));
      const settled = await Promise.allSettled(
        streams.map((stream) => store.append(unitOf(stream, NO_STREAM, created()))),
      );
      for (const [n, stream] of streams.entries()) {
        expect(settled[n]?.status).to.equal(n === 13 ? 'rejected' : 'fulfilled');
        expect((await store.readStream(stream)).length).to.equal(n === 13 ? 0 : 1);
      }
      expect((settled[13] as PromiseRejectedResult).reason).to.be.instanceOf(InvalidEvent);
      expect(store.stats().appender.halvings).to.be.greaterThan(halvings);
    });

    it('keeps no payload of a refused unit, whose ref may be that of one which lands', async () => {
      const stream = newStream();
      await land(store, stream, created());
      const payload = (text: string) => ({
        ref: `spec/${stream}`,
        organizationId: 'org',
        bytes: Buffer.from(text),
      });
      const refused = { ...unitOf(stream, NO_STREAM, created()), payloads: [payload('refused')] };
      const lands = { ...unitOf(stream, 0, created()), payloads: [payload('lands')] };
      const outcomes = await Promise.all([store.append(refused), store.append(lands)]);
      expect(outcomes.map(([outcome]) => outcome?.status)).to.deep.equal(['conflict', 'appended']);
      expect(String(await store.smallPayloads.get(`spec/${stream}`))).to.equal('lands');
    });
  });

  describe('the log', () => {
    for (const statement of [
      `UPDATE eventstore.events SET data = '{}'`,
      `UPDATE eventstore.events SET position = 0 WHERE false`,
      'DELETE FROM eventstore.events',
      'TRUNCATE eventstore.events',
      `SET LOCAL session_replication_role = replica; DELETE FROM eventstore.events`,
    ]) {
      it(`denies ${statement}`, async () => {
        const [settled] = await Promise.allSettled([
          harness.admin.query(`BEGIN; ${statement}; COMMIT`),
        ]);
        expect(settled?.status).to.equal('rejected');
        const { message } = (settled as PromiseRejectedResult).reason as Error;
        expect(message).to.contain('the event log is append-only');
      });
    }

    it('has a comment on every table and column', async () => {
      const { rows } = await harness.admin.query(
        `SELECT c.relname, a.attname
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relnamespace = 'eventstore'::regnamespace AND c.relkind = 'r' AND (
           obj_description(c.oid) IS NULL OR col_description(c.oid, a.attnum) IS NULL)`,
      );
      expect(rows).to.deep.equal([]);
    });
  });

  describe('the live tail', () => {
    it('brings what this process appends without reading it', async () => {
      const follower = followed(store, await store.head());
      await eventually('following', () => follower.batches.length > 0);
      await land(store, newStream(), created());
      await follower.has(1);
      const before = store.stats().tail;
      for (let n = 0; n < 50; n++) await land(store, newStream(), ...named(20));
      await follower.has(1001);
      await follower.stop();
      const { fed, read } = store.stats().tail;
      expect(fed - before.fed + read - before.read).to.equal(1000);
      expect(fed - before.fed).to.be.greaterThan(500);
    });

    it('serves a catch-up subscription, which is behind its ring buffer', async () => {
      const after = await store.head();
      const release: (() => void)[] = [];
      const gate = new Promise<void>((resolve) => release.push(resolve));
      const slow = followed(store, after, {}, () => gate);
      const quick = followed(store, after);
      const units = Array.from({ length: 200 }, () =>
        unitOf(newStream(), NO_STREAM, ...named(100)),
      );
      for (let n = 0; n < 200; n += 20)
        await Promise.all(units.slice(n, n + 20).map((unit) => store.append(unit)));
      await quick.has(20_000, 10_000);
      expect(store.stats().tail.bufferedEvents).to.be.lessThan(20_000);
      for (const open of release) open();
      await slow.has(20_000, 10_000);
      await Promise.all([slow.stop(), quick.stop()]);
      expect(idsOf(slow.events)).to.deep.equal(idsOf(quick.events));
    });

    it('does not poll when nobody subscribes', async () => {
      const follower = followed(store, await store.head());
      await eventually('following', () => follower.batches.length > 0);
      await follower.stop();
      await eventually('rest', () => store.stats().tail.subscribers === 0);
      const { runs } = store.stats().tail;
      await new Promise((resolve) => setTimeout(resolve, 250));
      expect(store.stats().tail.runs - runs).to.be.at.most(1);
    });
  });

  describe('a foreign transaction', () => {
    let foreign: pg.Client;
    beforeEach(async () => {
      foreign = new pg.Client({ connectionString: harness.url });
      await foreign.connect();
      await foreign.query('BEGIN');
    });
    afterEach(() => foreign.end());

    it('that is left open holds nobody up', async () => {
      await foreign.query('CREATE TABLE elsewhere (n int); INSERT INTO elsewhere VALUES (1)');
      const follower = followed(store, await store.head());
      for (let n = 0; n < 10; n++) await land(store, newStream(), created());
      await follower.has(10);
      await follower.stop();
    });

    it('that sits on the append lock makes appends fail in time, and nothing else', async () => {
      await foreign.query('SELECT pg_advisory_xact_lock(5471302966)');
      const stream = newStream();
      const unit = unitOf(stream, NO_STREAM, created());
      const began = performance.now();
      const [settled] = await Promise.allSettled([store.append(unit), store.readStream(stream)]);
      expect((settled as PromiseRejectedResult).reason).to.be.instanceOf(StoreUnavailable);
      expect(performance.now() - began).to.be.within(500, 5_000);
      await foreign.query('COMMIT');
      landed((await store.append(unit))[0]);
      expect((await store.readStream(stream)).length).to.equal(1);
    });

    it('that ends in time is waited for, also when the waiting connection is killed', async () => {
      await foreign.query('SELECT pg_advisory_xact_lock(5471302966)');
      const stream = newStream();
      const appended = store.append(unitOf(stream, NO_STREAM, created()));
      await eventually('a waiting append', async () => {
        const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
        return ((await harness.admin.query(waiting)).rowCount ?? 0) > 0;
      });
      await cutAll(harness.admin);
      await foreign.query('COMMIT');
      landed((await appended)[0]);
      expect((await store.readStream(stream)).length).to.equal(1);
    });
  });

  outages(() => harness);

  standby(() => harness);
});

function outages(the: () => PostgresHarness): void {
  describe('on a bad connection', () => {
    let proxy: TcpProxy;
    let store: EventStore;
    beforeEach(async () => {
      proxy = await openTcpProxy(the().url);
      store = openPostgresEventStore({ url: proxy.url, log });
      await land(store, newStream(), created());
      await store.readStream(newStream());
    });
    afterEach(async () => {
      proxy.mode = 'through';
      await store.close();
      await proxy.close();
    });

    it('recognises what it had appended when the answer was lost', async () => {
      const streams = [newStream(), newStream()] as const;
      const units = streams.map((stream) => unitOf(stream, NO_STREAM, ...named(2)));
      proxy.mode = 'losing-answers';
      const outcomes = await Promise.all(units.map((unit) => store.append(unit)));
      expect(proxy.mode).to.equal('through');
      for (const [n, stream] of streams.entries()) {
        const events = await store.readStream(stream);
        expect(idsOf(events)).to.deep.equal(idsOf(units[n]?.appends[0].events ?? []));
        expect(events.at(-1)?.position).to.equal(landed(outcomes[n]?.[0]).position);
      }
    });

    for (const mode of ['silent', 'away'] as const) {
      it(`fails in time while the database is ${mode}, and recovers by itself`, async () => {
        proxy.mode = mode;
        const stream = newStream();
        const unit = unitOf(stream, NO_STREAM, created());
        const began = performance.now();
        const asked = [
          store.append(unit),
          store.append(unitOf(newStream(), NO_STREAM, created())),
          store.readStream(stream),
          store.head(),
          store.readSnapshot(stream),
        ];
        for (const settled of await Promise.allSettled<unknown>(asked))
          expect((settled as PromiseRejectedResult).reason).to.be.instanceOf(StoreUnavailable);
        expect(performance.now() - began).to.be.lessThan(5_000);
        proxy.mode = 'through';
        await eventually('recovery', () =>
          store.append(unit).then(
            ([outcome]) => landed(outcome),
            () => undefined,
          ),
        );
        expect((await store.readStream(stream)).length).to.equal(1);
      });
    }

    it('does not give up a subscription', async () => {
      const follower = followed(store, await store.head());
      await eventually('following', () => follower.batches.length > 0);
      proxy.mode = 'away';
      const direct = the().store;
      const event = created(randomUUID());
      await land(direct, newStream(), event);
      proxy.mode = 'through';
      await follower.has(1);
      await follower.stop();
      expect(idsOf(follower.events)).to.deep.equal([event.id]);
    });
  });
}

function standby(the: () => PostgresHarness): void {
  describe('after a failover', () => {
    it('leaves a server that became a standby, and appends to the primary', async () => {
      const { url, admin, store } = the();
      const setDatabase = (what: string) =>
        admin.query(
          `BEGIN READ WRITE; ALTER DATABASE ${new URL(url).pathname.slice(1)} ${what}; COMMIT`,
        );
      await setDatabase('SET default_transaction_read_only = on');
      await cutAll(admin);
      const unit = unitOf(newStream(), NO_STREAM, created());
      const failure = await store.append(unit).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(StoreUnavailable);
      // A connection of before would stay what it was.
      await setDatabase('RESET default_transaction_read_only');
      const [outcome] = await store.append(unit);
      expect(landed(outcome).revision).to.equal(0);
    });
  });
}
