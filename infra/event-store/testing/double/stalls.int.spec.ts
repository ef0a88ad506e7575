/** What the real client meets at the double, when the index does not follow the log at once. */
import { NO_STREAM, type EventStoreDBClient } from '@eventstore/db-client';
import { expect } from 'chai';
import { eventually } from '../../../../testing/eventually.js';
import type { EventStoreDouble } from './double.js';
import { doubleInSuite } from './double-in-suite.js';
import { errorOf, newEvent, newStream, revisionsOf } from './support.js';

const STALL_MS = 400;

describe('event store double: stalls', function () {
  // Where the machine itself stood still for so long, nothing is said of the double's stall.
  this.retries(2);
  let double: EventStoreDouble;
  let client: EventStoreDBClient;
  doubleInSuite((opened) => ({ double, client } = opened), { giveUpMs: 1_000 });

  const append = (stream: string, events = [newEvent('Happened')]) =>
    client.appendToStream(stream, events, { expectedRevision: NO_STREAM });
  const timed = async <T>(work: Promise<T>) => {
    const began = performance.now();
    return [await work, performance.now() - began] as const;
  };

  it('an append during a stall is answered late, and cannot be read before', async () => {
    const stream = newStream();
    await double.stall(STALL_MS);
    const answer = timed(append(stream));
    expect((await errorOf(revisionsOf(client, stream))).type).to.equal('stream-not-found');
    const [{ nextExpectedRevision }, tookMs] = await answer;
    expect(nextExpectedRevision).to.equal(0n);
    expect(tookMs).to.be.within(STALL_MS / 2, 1_000);
    expect(await revisionsOf(client, stream)).to.deep.equal([0n]);
  });

  it('a repetition of what is not indexed is dropped, and timed out in the end', async () => {
    const stream = newStream();
    const events = [newEvent('A'), newEvent('B')];
    await double.stall(STALL_MS);
    const first = timed(append(stream, events));
    const again = timed(errorOf(append(stream, events)));
    const [landed, firstMs] = await first;
    expect(landed.nextExpectedRevision).to.equal(1n);
    const [error, againMs] = await again;
    expect(error.type).to.equal('deadline-exceeded');
    expect(againMs).to.be.greaterThan(firstMs).and.at.least(1_000);
    expect((await append(stream, events)).nextExpectedRevision).to.equal(1n);
    expect(await revisionsOf(client, stream)).to.deep.equal([0n, 1n]);
  });

  it('a conflict is told at once, also with what is not indexed', async () => {
    const stream = newStream();
    await double.stall(STALL_MS);
    const first = append(stream);
    const [error, tookMs] = await timed(errorOf(append(stream)));
    expect(error.type).to.equal('wrong-expected-version');
    expect(tookMs).to.be.lessThan(STALL_MS / 2);
    await first;
  });

  it('what is not indexed in time is answered as timed out, and lands all the same', async () => {
    const stream = newStream();
    const events = [newEvent('Late')];
    await double.stall(1_300);
    expect((await errorOf(append(stream, events))).type).to.equal('deadline-exceeded');
    await eventually('it landed', () => revisionsOf(client, stream).catch(() => undefined));
    expect((await append(stream, events)).nextExpectedRevision).to.equal(0n);
  });

  it('stalls come and go by themselves', async () => {
    await double.behave({ stall: { everyMs: 300, forMs: 150 } });
    const tookMs: number[] = [];
    await eventually('a stall, and none', async () => {
      tookMs.push((await timed(append(newStream())))[1]);
      return Math.max(...tookMs) > 75 && Math.min(...tookMs) < 75;
    });
    await double.behave({ stall: { everyMs: 0, forMs: 0 } });
  });
});
