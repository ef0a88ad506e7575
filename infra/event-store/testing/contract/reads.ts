/** What reading promises: streams, the log, snapshots; and events that this code cannot read. */
import { expect } from 'chai';
import type { AnyEvent } from '../../../../contracts/events/all.js';
import type { RecordedEvent } from '../../../../contracts/events/envelope.js';
import { NO_STREAM, START, type ReadStreamOptions } from '../../port.js';
import type { OpenHarness, RawEvent } from './harness.js';
import {
  AT,
  bench,
  created,
  deposited,
  followed,
  idsOf,
  land,
  metadata,
  named,
  newStream,
  readToEnd,
  unitOf,
} from './kit.js';

export function streamContract(open: OpenHarness): void {
  describe('readStream', () => {
    const on = bench(open);
    const stream = newStream();
    const all = named(10);
    before(() => land(on.store, stream, ...all));

    const cases: readonly [ReadStreamOptions, readonly number[]][] = [
      [{}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
      [{ fromRevision: 7 }, [7, 8, 9]],
      [{ fromRevision: 10 }, []],
      [{ limit: 3 }, [0, 1, 2]],
      [{ fromRevision: 4, limit: 2 }, [4, 5]],
      [{ fromRevision: 8, limit: 100 }, [8, 9]],
      [{ direction: 'backward' }, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
      [{ direction: 'backward', limit: 2 }, [9, 8]],
      [{ direction: 'backward', fromRevision: 3 }, [3, 2, 1, 0]],
      [{ direction: 'backward', fromRevision: 3, limit: 1 }, [3]],
      [{ direction: 'backward', fromRevision: 100, limit: 1 }, [9]],
    ];
    for (const [options, revisions] of cases) {
      it(`answers ${revisions.join(' ') || 'nothing'} for ${JSON.stringify(options)}`, async () => {
        const events = await on.store.readStream(stream, options);
        expect(events.map(({ revision }) => revision)).to.deep.equal(revisions);
        expect(idsOf(events)).to.deep.equal(revisions.map((revision) => all[revision]?.id));
      });
    }

    it('answers nothing for a stream that does not exist', async () => {
      expect(await on.store.readStream(newStream())).to.deep.equal([]);
    });

    it('gives each event the position that it has in the log', async () => {
      const after = await on.store.head();
      const [one, other] = [newStream(), newStream()];
      await land(on.store, one, ...named(3));
      await land(on.store, other, ...named(2));
      await on.store.append(unitOf(one, 2, ...named(2)));
      const streams = await Promise.all([one, other].map((name) => on.store.readStream(name)));
      const placeOf = ({ id, position }: RecordedEvent<AnyEvent>) => `${id} ${position}`;
      const log = await readToEnd(on.store, after);
      expect(log.map(placeOf)).to.have.members(streams.flat().map(placeOf));
    });

    it('answers many questions at once, each with its own', async () => {
      const streams = Array.from({ length: 120 }, () => newStream());
      await Promise.all(streams.map((name, n) => land(on.store, name, ...named((n % 5) + 1))));
      const reads = streams.flatMap((name, n) => [
        on.store.readStream(name),
        on.store.readStream(name, { fromRevision: n % 3 }),
      ]);
      const counts = (await Promise.all(reads)).map((events) => events.length);
      const expected = streams.flatMap((_, n) => [(n % 5) + 1, Math.max(0, (n % 5) + 1 - (n % 3))]);
      expect(counts).to.deep.equal(expected);
    });

    it('sees what any store appended before', async () => {
      const other = await on.another();
      const name = newStream();
      for (let revision = NO_STREAM; revision < 20; revision++) {
        const writer = revision % 2 ? on.store : other;
        await writer.append(unitOf(name, revision, created()));
        const reader = revision % 3 ? on.store : other;
        expect((await reader.readStream(name)).length).to.equal(revision + 2);
      }
    });
  });
}

export function logContract(open: OpenHarness): void {
  describe('readAll', () => {
    const on = bench(open);

    it('answers an empty log', async () => {
      expect(await on.store.head()).to.equal(START);
      const batch = await on.store.readAll(START, 10);
      expect(batch).to.deep.equal({ events: [], position: START, caughtUp: true });
    });

    it('answers everything in the order of the positions, page by page', async () => {
      const after = await on.store.head();
      const ids: string[] = [];
      for (let n = 0; n < 7; n++) {
        const events = named(3);
        ids.push(...idsOf(events));
        await land(on.store, newStream(), ...events);
      }
      for (const pageEvents of [1, 2, 7, 20, 21, 22, 1000]) {
        const log = await readToEnd(on.store, after, {}, pageEvents);
        expect(idsOf(log)).to.deep.equal(ids);
        for (const [n, event] of log.entries())
          if (n > 0) expect(event.position > (log[n - 1]?.position ?? 0n)).to.equal(true);
      }
      expect((await readToEnd(on.store, after)).at(-1)?.position).to.equal(await on.store.head());
    });

    it('filters by category and type, and goes on behind what it left out', async () => {
      const after = await on.store.head();
      const [account, organization] = [newStream('account'), newStream('organization')];
      await land(on.store, account, deposited(1n), created('a'));
      await land(on.store, organization, created('b'));
      await land(on.store, newStream('file'), ...named(50));
      const names = async (filter: Parameters<typeof on.store.readAll>[2]) =>
        (await readToEnd(on.store, after, filter, 2)).map(({ type, stream }) => [type, stream]);

      expect(await names({ categories: ['account', 'organization'] })).to.deep.equal([
        ['FundsDeposited', account],
        ['OrganizationCreated', account],
        ['OrganizationCreated', organization],
      ]);
      const deposits = [['FundsDeposited', account]];
      expect(await names({ types: ['FundsDeposited'] })).to.deep.equal(deposits);
      expect(
        await names({ categories: ['account'], types: ['OrganizationCreated', 'HoldPlaced'] }),
      ).to.deep.equal([['OrganizationCreated', account]]);
      expect(await names({ categories: ['delivery'] })).to.deep.equal([]);

      const batch = await on.store.readAll(after, 10, { categories: ['delivery'] });
      expect(batch).to.deep.equal({
        events: [],
        position: await on.store.head(),
        caughtUp: true,
      });
    });

    placesCase(on);

    it('does not go back when it is asked behind the head', async () => {
      const ahead = (await on.store.head()) + 1_000_000_000_000n;
      const batch = await on.store.readAll(ahead, 10);
      expect(batch).to.deep.equal({ events: [], position: ahead, caughtUp: true });
    });
  });
}

/** Neighbours, and events that are far from one another. */
function placesCase(on: ReturnType<typeof bench>): void {
  it('answers the events at places, near and far', async () => {
    const after = await on.store.head();
    for (let n = 0; n < 12; n++) await land(on.store, newStream(), ...named(20));
    const log = await readToEnd(on.store, after);
    const places = log.slice(1).map(({ position }, n) => ({
      leafIndex: n + 1,
      position,
      positionBefore: log[n]!.position,
    }));
    const far = places.filter((_, n) => n % 5 === 0 || n > 200);
    const two = [places[3]!, places[230]!];
    for (const of of [places, far, two, places.slice(-1), []]) {
      const found = await on.store.readAt(of);
      expect(found).to.deep.equal(of.map(({ leafIndex }) => log[leafIndex]));
    }
  });
}

export function snapshotContract(open: OpenHarness): void {
  describe('snapshots', () => {
    const on = bench(open);
    const at = (revision: number, version: number, state: string) => ({ revision, version, state });

    it('are read as they were written, also by another store', async () => {
      const stream = newStream();
      expect(await on.store.readSnapshot(stream)).to.equal(undefined);
      const snapshot = at(7, 1, JSON.stringify({ odd: 'a\u0000b \ud800 😀 \\ "' }));
      await on.store.writeSnapshot(stream, snapshot);
      expect(await (await on.another()).readSnapshot(stream)).to.deep.equal(snapshot);
    });

    it('are replaced by newer ones, and not by older ones', async () => {
      const stream = newStream();
      await on.store.writeSnapshot(stream, at(7, 1, 'seven'));
      await on.store.writeSnapshot(stream, at(9, 1, 'nine'));
      await on.store.writeSnapshot(stream, at(8, 1, 'eight'));
      expect(await on.store.readSnapshot(stream)).to.deep.equal(at(9, 1, 'nine'));
    });

    it('are replaced by those of another shape', async () => {
      const stream = newStream();
      await on.store.writeSnapshot(stream, at(9, 1, 'nine'));
      await on.store.writeSnapshot(stream, at(8, 2, 'eight'));
      expect(await on.store.readSnapshot(stream)).to.deep.equal(at(8, 2, 'eight'));
    });
  });
}

export function strangersContract(open: OpenHarness): void {
  describe('an event of other code', () => {
    const on = bench(open);
    const raw = (type: string, data: object): Omit<RawEvent, 'stream' | 'revision'> => ({
      type,
      data: JSON.stringify(data),
      metadata: JSON.stringify(metadata),
    });

    it('of an unknown type is skipped with an alarm', async () => {
      const stream = newStream();
      const after = await on.store.head();
      const events = [created('before'), created('after')] as const;
      await land(on.store, stream, events[0]);
      await on.harness.appendRaw({ stream, revision: 1, ...raw('MoonLanded', { at: AT }) });
      await on.store.append(unitOf(stream, 1, events[1]));
      expect(idsOf(await on.store.readStream(stream))).to.deep.equal(idsOf(events));
      expect(idsOf(await readToEnd(on.store, after, {}, 1))).to.deep.equal(idsOf(events));
      expect(on.reports).to.deep.equal(['unknown event type skipped']);
      const follower = followed(on.store, after);
      await follower.has(2);
      await follower.stop();
      expect(idsOf(follower.events)).to.deep.equal(idsOf(events));
    });

    it('that is not what its schema says is refused, and hides nothing before it', async () => {
      const stream = newStream();
      const after = await on.store.head();
      await land(on.store, stream, created('good'));
      const bad = raw('OrganizationCreated', { name: 5 });
      await on.harness.appendRaw({ stream, revision: 1, ...bad });
      const [read] = await Promise.allSettled([on.store.readStream(stream)]);
      expect(read?.status).to.equal('rejected');
      const batch = await on.store.readAll(after, 10);
      expect(batch.events.length).to.equal(1);
      const [behind] = await Promise.allSettled([on.store.readAll(batch.position, 10)]);
      expect(behind?.status).to.equal('rejected');
      const follower = followed(on.store, after);
      await follower.has(1);
      const [end] = await Promise.allSettled([follower.stop()]);
      expect(end?.status).to.equal('rejected');
      // Who does not want it does not meet it.
      expect(await readToEnd(on.store, after, { categories: ['account'] })).to.deep.equal([]);
    });
  });
}
