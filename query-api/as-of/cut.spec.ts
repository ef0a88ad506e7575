/** Streams that are cut: as a reader from the beginning would, in few reads. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { EventStore, ReadStreamOptions } from '../../infra/event-store/port.js';
import { lastBefore, type Cut } from './cut.js';

type Event = RecordedEvent<AnyEvent>;

/** A stream of so many events whose times and positions are functions of their revisions. */
function streamOf(length: number, timeOf: (revision: number) => number) {
  const event = (revision: number) =>
    ({
      revision,
      position: BigInt(3 * revision),
      data: { at: new Date(timeOf(revision)).toISOString() },
      metadata: { time: new Date(0).toISOString() },
    }) as unknown as Event;
  let reads = 0;
  const store: Pick<EventStore, 'readStream'> = {
    readStream(_stream, { fromRevision, direction, limit = Infinity }: ReadStreamOptions = {}) {
      reads++;
      const step = direction === 'backward' ? -1 : 1;
      const events: Event[] = [];
      const from = fromRevision ?? (step < 0 ? length - 1 : 0);
      for (let at = from; at >= 0 && at < length && events.length < limit; at += step)
        events.push(event(at));
      return Promise.resolve(events);
    },
  };
  return { store, reads: () => reads };
}

const last = async ({ store }: ReturnType<typeof streamOf>, cut: Cut) =>
  (await lastBefore(store, 'account-org', cut))?.revision;

describe('cut of a stream', () => {
  it('given times in disorder, then all before the first event behind the moment', async () => {
    const disorder = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 0, maxLength: 700 });
    const property = fc.asyncProperty(disorder, fc.integer({ min: -2, max: 800 }), check);
    await fc.assert(property, { numRuns: 300, seed: 14 });

    async function check(late: readonly number[], ms: number) {
      const times = late.map((by, revision) => revision + by);
      const firstBehind = times.findIndex((time) => time > ms);
      const expected = firstBehind < 0 ? times.length - 1 : firstBehind - 1;
      const stream = streamOf(times.length, (revision) => times[revision] ?? 0);
      const found = await last(stream, { kind: 'time', ms });
      expect(found ?? -1).to.equal(expected);
    }
  });

  it('given a position, then the event there or the one before it', async () => {
    const stream = streamOf(5_000, () => 0);
    const at = (position: bigint) => last(stream, { kind: 'position', position });
    expect(await at(-1n)).to.equal(undefined);
    expect(await at(0n)).to.equal(0);
    expect(await at(3_001n)).to.equal(1_000);
    expect(await at(3_002n)).to.equal(1_000);
    expect(await at(3_003n)).to.equal(1_001);
    expect(await at(99_999n)).to.equal(4_999);
  });

  it('an answer stays as the stream grows', async () => {
    const answers = new Set<number | undefined>();
    for (let length = 1_001; length < 3_000; length += 97)
      answers.add(
        await last(
          streamOf(length, (n) => n),
          { kind: 'time', ms: 600 },
        ),
      );
    expect([...answers]).to.deep.equal([600]);
  });

  it('ten million events cost a few short reads', async () => {
    const stream = streamOf(10_000_000, (revision) => revision);
    expect(await last(stream, { kind: 'time', ms: 7_654_321 })).to.equal(7_654_321);
    expect(stream.reads()).to.be.below(30);
  });
});
