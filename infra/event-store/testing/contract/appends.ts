/** What `append` promises. */
import { expect } from 'chai';
import { NO_STREAM } from '../../port.js';
import type { OpenHarness } from './harness.js';
import {
  adding,
  bench,
  created,
  idsOf,
  land,
  landed,
  named,
  newStream,
  readToEnd,
  statuses,
  unitOf,
} from './kit.js';

export function expectedRevisionContract(open: OpenHarness): void {
  describe('expected revision', () => {
    const on = bench(open);

    it('starts a stream, and answers where its last event stands', async () => {
      const stream = newStream();
      const { revision, position } = await land(on.store, stream, ...named(3));
      const events = await on.store.readStream(stream);
      expect(revision).to.equal(2);
      expect(events.map((event) => event.revision)).to.deep.equal([0, 1, 2]);
      expect(events.at(-1)?.position).to.equal(position);
    });

    it('goes on behind the revision that is expected', async () => {
      const stream = newStream();
      const first = await land(on.store, stream, ...named(2));
      const [second] = await on.store.append(unitOf(stream, 1, ...named(2)));
      expect(landed(second).revision).to.equal(3);
      expect(landed(second).position > first.position).to.equal(true);
    });

    for (const expectedRevision of [NO_STREAM, 0, 2, 7]) {
      it(`refuses ${expectedRevision} where 1 is the last, and writes nothing`, async () => {
        const stream = newStream();
        const events = named(2);
        await land(on.store, stream, ...events);
        const outcomes = await on.store.append(unitOf(stream, expectedRevision, created('late')));
        expect(outcomes).to.deep.equal([{ status: 'conflict', actualRevision: 1 }]);
        expect(idsOf(await on.store.readStream(stream))).to.deep.equal(idsOf(events));
      });
    }

    it('refuses to go on in a stream that does not exist', async () => {
      const stream = newStream();
      const outcomes = await on.store.append(unitOf(stream, 0, created()));
      expect(outcomes).to.deep.equal([{ status: 'conflict', actualRevision: NO_STREAM }]);
      expect(await on.store.readStream(stream)).to.deep.equal([]);
    });

    it('lets exactly one of many racing writers win', async () => {
      const stream = newStream();
      const stores = [on.store, await on.another()];
      const units = named(40).map((event) => unitOf(stream, NO_STREAM, event));
      const outcomes = await Promise.all(
        units.map(async (unit, n) => (await stores[n % 2]?.append(unit))?.[0]),
      );
      const winners = outcomes.flatMap((outcome, n) => (outcome?.status === 'appended' ? [n] : []));
      const losers = outcomes.filter((outcome) => outcome?.status !== 'appended');
      expect(winners.length).to.equal(1);
      expect(losers).to.deep.equal(Array(39).fill({ status: 'conflict', actualRevision: 0 }));
      const winner = units[winners[0] ?? -1]?.appends[0].events ?? [];
      expect(idsOf(await on.store.readStream(stream))).to.deep.equal(idsOf(winner));
    });
  });
}

export function unitContract(open: OpenHarness): void {
  describe('a unit of several appends', () => {
    const on = bench(open);

    it('lands on all its streams', async () => {
      const streams = [newStream('account'), newStream(), newStream()] as const;
      const [a, b, c] = streams;
      const outcomes = await on.store.append({
        appends: [
          adding(a, NO_STREAM, created()),
          adding(b, NO_STREAM, ...named(2)),
          adding(c, NO_STREAM, created()),
        ],
      });
      expect(outcomes.map((outcome) => landed(outcome).revision)).to.deep.equal([0, 1, 0]);
      const heads = await Promise.all(streams.map((stream) => on.store.readStream(stream)));
      expect(heads.map((events) => events.at(-1)?.position)).to.deep.equal(
        outcomes.map((outcome) => landed(outcome).position),
      );
    });

    it('skips the followers when the lead does not land', async () => {
      const [lead, follower] = [newStream(), newStream()];
      await land(on.store, lead, created());
      const unit = [adding(lead, NO_STREAM, created()), adding(follower, NO_STREAM, created())];
      const outcomes = await on.store.append({ appends: [unit[0]!, unit[1]!] });
      expect(outcomes).to.deep.equal([
        { status: 'conflict', actualRevision: 0 },
        { status: 'skipped' },
      ]);
      expect(await on.store.readStream(follower)).to.deep.equal([]);
    });

    it('lands without the follower that conflicts', async () => {
      const [lead, taken, free] = [newStream(), newStream(), newStream()];
      await land(on.store, taken, created('first'));
      const outcomes = await on.store.append({
        appends: [
          adding(lead, NO_STREAM, created()),
          adding(taken, NO_STREAM, created('second')),
          adding(free, NO_STREAM, created()),
        ],
      });
      expect(statuses(outcomes)).to.deep.equal(['appended', 'conflict', 'appended']);
      expect((await on.store.readStream(taken)).length).to.equal(1);
      expect((await on.store.readStream(free)).length).to.equal(1);
    });

    it('may go on in a stream that it began', async () => {
      const stream = newStream();
      const events = named(3);
      const [first, second, third] = events.map((event, n) => adding(stream, n - 1, event));
      const outcomes = await on.store.append({ appends: [first!, second!, third!] });
      expect(outcomes.map((outcome) => landed(outcome).revision)).to.deep.equal([0, 1, 2]);
      expect(idsOf(await on.store.readStream(stream))).to.deep.equal(idsOf(events));
    });
  });
}

export function repeatContract(open: OpenHarness): void {
  describe('a repeated append', () => {
    const on = bench(open);

    it('is answered as the first time, from any store and behind later events', async () => {
      const stream = newStream();
      const unit = unitOf(stream, NO_STREAM, ...named(2));
      const first = await on.store.append(unit);
      expect(await on.store.append(unit)).to.deep.equal(first);
      await on.store.append(unitOf(stream, 1, created()));
      const other = await on.another();
      expect(await other.append(unit)).to.deep.equal(first);
      expect((await other.readStream(stream)).length).to.equal(3);
    });

    it('is a conflict with other ids, or with more events, or some', async () => {
      const stream = newStream();
      const events = named(2);
      await land(on.store, stream, ...events);
      const conflict = [{ status: 'conflict', actualRevision: 1 }];
      expect(await on.store.append(unitOf(stream, NO_STREAM, ...named(2)))).to.deep.equal(conflict);
      const more = unitOf(stream, NO_STREAM, ...events, created());
      expect(await on.store.append(more)).to.deep.equal(conflict);
      const other = unitOf(stream, NO_STREAM, events[0]!, created());
      expect(await on.store.append(other)).to.deep.equal(conflict);
    });

    it('lands once when it is repeated while it is under way', async () => {
      const stream = newStream();
      const unit = unitOf(stream, NO_STREAM, ...named(3));
      const other = await on.another();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => (n % 2 ? other : on.store).append(unit)),
      );
      for (const answer of answers) expect(answer).to.deep.equal(answers[0]);
      expect(statuses(answers[0] ?? [])).to.deep.equal(['appended']);
      expect((await on.store.readStream(stream)).length).to.equal(3);
    });

    it('tries the followers that had not landed', async () => {
      const [lead, first, second] = [newStream(), newStream(), newStream()];
      const appends = [lead, first, second].map((stream) => adding(stream, NO_STREAM, created()));
      const before = await on.store.append({ appends: [appends[0]!, appends[1]!] });
      const after = await on.store.append({ appends: [appends[0]!, appends[1]!, appends[2]!] });
      expect(after.slice(0, 2)).to.deep.equal(before);
      expect(statuses(after)).to.deep.equal(['appended', 'appended', 'appended']);
    });
  });
}

export function concurrencyContract(open: OpenHarness): void {
  describe('many units at once', () => {
    const on = bench(open);

    it('all land, each in one piece', async () => {
      const after = await on.store.head();
      const units = Array.from({ length: 300 }, () => unitOf(newStream(), NO_STREAM, ...named(3)));
      const outcomes = await Promise.all(units.map((unit) => on.store.append(unit)));
      const positions = new Set(outcomes.map(([outcome]) => landed(outcome).position));
      expect(positions.size).to.equal(300);
      const log = await readToEnd(on.store, after, {}, 250);
      expect(log.length).to.equal(900);
      for (const [n, { appends }] of units.entries()) {
        const events = log.filter(({ stream }) => stream === appends[0].stream);
        expect(idsOf(events)).to.deep.equal(idsOf(appends[0].events));
        expect(events.at(-1)?.position).to.equal(landed(outcomes[n]?.[0]).position);
      }
    });

    it('may meet on one stream: the log is what the outcomes say', async () => {
      const stream = newStream();
      const events = named(12);
      // Three writers at each revision, in one turn.
      const units = events.map((event, n) => unitOf(stream, Math.floor(n / 3) - 1, event));
      const outcomes = await Promise.all(units.map((unit) => on.store.append(unit)));
      const said = outcomes.flatMap(([outcome], n) =>
        outcome?.status === 'appended' ? [[outcome.revision, events[n]?.id]] : [],
      );
      const stands = (await on.store.readStream(stream)).map(({ revision, id }) => [revision, id]);
      expect(stands).to.deep.equal(said);
      expect(stands.length).to.be.greaterThan(0);
    });
  });
}
