/** What the real client meets at the double, when nothing is wrong. */
import {
  ANY,
  BACKWARDS,
  END,
  type EventStoreDBClient,
  FORWARDS,
  NO_STREAM,
  STREAM_EXISTS,
  eventTypeFilter,
  excludeSystemEvents,
  streamNameFilter,
  type AllStreamSubscription,
  type AppendExpectedRevision,
  type Position,
} from '@eventstore/db-client';
import { expect } from 'chai';
import { eventually } from '../../../../testing/eventually.js';
import { doubleInSuite } from './double-in-suite.js';
import { errorOf, newEvent, newStream, positionOf, readAllOf, revisionsOf } from './support.js';

describe('event store double: semantics', () => {
  let client: EventStoreDBClient;
  doubleInSuite((opened) => ({ client } = opened));

  const append = (stream: string, expectedRevision: AppendExpectedRevision, count = 1) =>
    client.appendToStream(
      stream,
      Array.from({ length: count }, () => newEvent('Happened')),
      {
        expectedRevision,
      },
    );

  it('an event is read as it was appended', async () => {
    const stream = newStream();
    const event = newEvent('FundsDeposited', { amount: '5' }, { $correlationId: 'c' });
    const { nextExpectedRevision, position } = await client.appendToStream(stream, event);
    const [read] = await readAllOf(client.readStream(stream));
    expect(read?.event?.created).to.be.instanceOf(Date);
    expect({ ...read?.event, created: undefined, nextExpectedRevision }).to.deep.equal({
      streamId: stream,
      id: event.id,
      revision: 0n,
      type: 'FundsDeposited',
      data: { amount: '5' },
      metadata: { $correlationId: 'c' },
      isJson: true,
      created: undefined,
      position,
      nextExpectedRevision: 0n,
    });
  });

  it('an append lands on its expected revision only', async () => {
    const stream = newStream();
    const conflict = async (expected: AppendExpectedRevision) => {
      const error = await errorOf(append(stream, expected));
      return [error.type, error.expectedVersion, error.actualVersion];
    };
    const kind = 'wrong-expected-version';
    expect(await conflict(0n)).to.deep.equal([kind, 0n, 'no_stream']);
    expect(await conflict(STREAM_EXISTS)).to.deep.equal([kind, STREAM_EXISTS, 'no_stream']);
    const outcomes = [];
    for (const expected of [NO_STREAM, 0n, ANY, STREAM_EXISTS] as const)
      outcomes.push((await append(stream, expected)).nextExpectedRevision);
    expect(outcomes).to.deep.equal([0n, 1n, 2n, 3n]);
    expect(await conflict(NO_STREAM)).to.deep.equal([kind, NO_STREAM, 3n]);
    expect(await conflict(1n)).to.deep.equal([kind, 1n, 3n]);
    expect(await conflict(4n)).to.deep.equal([kind, 4n, 3n]);
  });

  it('racing appends on one revision have one winner', async () => {
    const stream = newStream();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => append(stream, NO_STREAM)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    expect(await revisionsOf(client, stream)).to.deep.equal([0n]);
  });

  it('a repetition with the same ids is answered as the first time', async () => {
    const stream = newStream();
    const events = [newEvent('A'), newEvent('B')];
    const again = (expectedRevision: AppendExpectedRevision, batch = events) =>
      client.appendToStream(stream, batch, { expectedRevision });
    const first = await again(NO_STREAM);
    await append(stream, 1n);
    for (const expected of [NO_STREAM, ANY, STREAM_EXISTS] as const)
      expect(await again(expected)).to.deep.equal(first);
    expect((await errorOf(again(NO_STREAM, [newEvent('A')]))).type).to.equal(
      'wrong-expected-version',
    );
    const mixed = [...events.slice(0, 1), newEvent('C')];
    expect((await errorOf(again(NO_STREAM, mixed))).actualVersion).to.equal(2n);
    expect((await errorOf(again(ANY, mixed))).actualVersion).to.equal(2n);
    expect(await revisionsOf(client, stream)).to.deep.equal([0n, 1n, 2n]);
  });

  it('$all has growing positions with gaps, and events of the server itself', async () => {
    const stream = newStream();
    const { position: last } = await append(stream, NO_STREAM, 3);
    const all = await readAllOf(client.readAll());
    const positions = all.map(({ commitPosition = -1n }) => commitPosition);
    expect(positions).to.deep.equal([...positions].sort((a, b) => Number(a - b)));
    expect(positions.every((position, at) => at === 0 || position > positions[at - 1]! + 1n)).to.be
      .true;
    expect(all[0]?.event?.type).to.match(/^\$/);

    const middle = positionOf(all.at(-2));
    const read = async (direction: typeof FORWARDS | typeof BACKWARDS, fromPosition: Position) =>
      (await readAllOf(client.readAll({ direction, fromPosition, maxCount: 1 }))).map(positionOf);
    expect(await read(FORWARDS, middle)).to.deep.equal([middle]);
    expect(await read(BACKWARDS, middle)).to.deep.equal([positionOf(all.at(-3))]);
    const [end] = await readAllOf(
      client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }),
    );
    expect(positionOf(end)).to.deep.equal(last);
  });

  it('a stream is read from anywhere, in both directions', async () => {
    const stream = newStream();
    await append(stream, NO_STREAM, 5);
    const read = (options: Parameters<typeof client.readStream>[1]) =>
      revisionsOf(client, stream, options);
    expect(await read({ fromRevision: 3n })).to.deep.equal([3n, 4n]);
    expect(await read({ fromRevision: 1n, maxCount: 2 })).to.deep.equal([1n, 2n]);
    expect(await read({ fromRevision: 9n })).to.deep.equal([]);
    expect(await read({ direction: BACKWARDS, fromRevision: END, maxCount: 2 })).to.deep.equal([
      4n,
      3n,
    ]);
    expect(await read({ direction: BACKWARDS, fromRevision: 1n })).to.deep.equal([1n, 0n]);
    expect((await errorOf(revisionsOf(client, newStream()))).type).to.equal('stream-not-found');
  });

  it('a subscription sends what its filter lets through, checkpoints and caught up', async () => {
    const category = newStream();
    for (let round = 0; round < 4; round++) {
      await append(`${category}-a`, ANY, 2);
      await append(`other-${category}`, ANY, 30);
    }
    const said: string[] = [];
    const checkpoints: Position[] = [];
    const filter = streamNameFilter({
      prefixes: [`${category}-`],
      maxSearchWindow: 10,
      checkpointInterval: 2,
      checkpointReached: (_, position) => {
        checkpoints.push(position);
        said.push('checkpoint');
      },
    });
    const subscription = client.subscribeToAll({ filter });
    const seen: Position[] = [];
    subscription.on('caughtUp', () => said.push('caughtUp'));
    subscription.on('data', (resolved) => {
      seen.push(positionOf(resolved));
      said.push(`${resolved.event?.revision}`);
    });
    await eventually('caught up', () => said.includes('caughtUp'));
    const events = said.filter((word) => /\d/.test(word));
    expect(events).to.deep.equal(['0', '1', '2', '3', '4', '5', '6', '7']);
    // 128 events of ours in windows of 20 considered ones.
    expect(checkpoints.length).to.be.at.least(6);
    await append(`${category}-b`, NO_STREAM);
    await eventually('live', () => seen.length === 9);
    await subscription.unsubscribe();

    const [, , third = { commit: 0n, prepare: 0n }] = seen;
    const fromThird = client.subscribeToAll({ filter, fromPosition: third });
    expect(await positionsAfter(fromThird, 6)).to.deep.equal(seen.slice(3));
    const checkpoint = checkpoints.at(-1);
    if (!checkpoint) throw new Error('there was a checkpoint');
    const later = seen.filter(({ commit }) => commit > checkpoint.commit);
    const resumed = client.subscribeToAll({ filter, fromPosition: checkpoint });
    expect(await positionsAfter(resumed, later.length)).to.deep.equal(later);
  });

  it('filters on types and by regular expressions', async () => {
    const types = [`${newStream()}A`, `${newStream()}B`] as const;
    const [a, b] = types;
    for (const type of [a, b, a]) await client.appendToStream(newStream(), newEvent(type));
    const typesSeen = async (subscription: AllStreamSubscription, count: number) => {
      const seen: string[] = [];
      for await (const { event } of subscription) {
        seen.push(event?.type ?? '');
        if (seen.length === count) break;
      }
      return seen;
    };
    const byPrefix = eventTypeFilter({ prefixes: [a, 'nothing'] });
    const byRegex = eventTypeFilter({ regex: `^(${a}|${b})$` });
    expect(await typesSeen(client.subscribeToAll({ filter: byPrefix }), 2)).to.deep.equal([a, a]);
    expect(await typesSeen(client.subscribeToAll({ filter: byRegex }), 3)).to.deep.equal([a, b, a]);
    const ours = client.subscribeToAll({ filter: excludeSystemEvents() });
    expect((await typesSeen(ours, 5)).filter((type) => type.startsWith('$'))).to.deep.equal([]);
  });

  it('a position inside a record is refused', async () => {
    const { position } = await append(newStream(), NO_STREAM);
    const inside = (position?.commit ?? 0n) - 1n;
    const fromPosition = { commit: inside, prepare: inside };
    const read = errorOf(readAllOf(client.readAll({ fromPosition })));
    expect((await read).message).to.contain('Unexpected ReadAllResult: Error');
  });

  it('a deleted stream is gone for readers, and goes on where it was', async () => {
    const stream = newStream();
    await append(stream, NO_STREAM, 2);
    await client.deleteStream(stream, { expectedRevision: 1n });
    expect((await errorOf(revisionsOf(client, stream))).type).to.equal('stream-not-found');
    expect((await errorOf(append(stream, STREAM_EXISTS))).type).to.equal('stream-deleted');
    expect((await append(stream, NO_STREAM)).nextExpectedRevision).to.equal(2n);
    expect(await revisionsOf(client, stream)).to.deep.equal([2n]);
    const inAll = (await readAllOf(client.readAll())).flatMap(({ event }) =>
      [stream, `$$${stream}`].includes(event?.streamId ?? '') ? [event?.type] : [],
    );
    expect(inAll).to.deep.equal(['Happened', 'Happened', '$metadata', 'Happened', '$metadata']);
    expect((await errorOf(client.deleteStream(newStream()))).type).to.equal(
      'wrong-expected-version',
    );
  });

  it('a tombstone ends a stream for ever', async () => {
    const stream = newStream();
    await append(stream, NO_STREAM);
    await client.tombstoneStream(stream);
    for (const expected of [ANY, NO_STREAM, 0n] as const)
      expect((await errorOf(append(stream, expected))).type).to.equal('stream-deleted');
    expect((await errorOf(revisionsOf(client, stream))).type).to.equal('stream-deleted');
    const last = (await readAllOf(client.readAll())).at(-1)?.event;
    expect([last?.type, last?.revision]).to.deep.equal(['$streamDeleted', 2n ** 63n - 1n]);
  });

  it('a stream keeps what its metadata says', async () => {
    const stream = newStream();
    await client.setStreamMetadata(stream, { maxCount: 2 });
    await append(stream, NO_STREAM, 4);
    expect(await revisionsOf(client, stream)).to.deep.equal([2n, 3n]);
    const { metadata } = await client.getStreamMetadata(stream);
    expect(metadata).to.deep.equal({ maxCount: 2 });
  });

  it('an append of more than a megabyte is refused', async () => {
    const event = newEvent('Large', { text: 'x'.repeat(1024 * 1024) });
    const error = await errorOf(client.appendToStream(newStream(), event));
    expect([error.type, error.maxAppendSize]).to.deep.equal([
      'maximum-append-size-exceeded',
      1024 * 1024,
    ]);
  });

  it('a call with credentials, which the client does not batch, is answered alike', async () => {
    const stream = newStream();
    const credentials = { username: 'admin', password: 'changeit' };
    const event = newEvent('A');
    const put = (expectedRevision: AppendExpectedRevision, one = event) =>
      client.appendToStream(stream, one, { expectedRevision, credentials });
    const first = await put(NO_STREAM);
    expect(await put(NO_STREAM)).to.deep.equal(first);
    expect((await errorOf(put(NO_STREAM, newEvent('B')))).actualVersion).to.equal(0n);
    const large = newEvent('Large', { text: 'x'.repeat(1024 * 1024) });
    expect((await errorOf(put(ANY, large))).type).to.equal('maximum-append-size-exceeded');
  });

  it('a stream is subscribed to before it is there', async () => {
    const stream = newStream();
    const revisions: bigint[] = [];
    const subscription = client.subscribeToStream(stream);
    subscription.on('data', ({ event }) => revisions.push(event?.revision ?? -1n));
    await append(stream, NO_STREAM, 2);
    await eventually('two events', () => revisions.length === 2);
    expect(revisions).to.deep.equal([0n, 1n]);
    await subscription.unsubscribe();
  });
});

async function positionsAfter(subscription: AllStreamSubscription, count: number) {
  const positions: Position[] = [];
  if (count === 0) await subscription.unsubscribe();
  else
    for await (const resolved of subscription) {
      positions.push(positionOf(resolved));
      if (positions.length === count) break;
    }
  return positions;
}
