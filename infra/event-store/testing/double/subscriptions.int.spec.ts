/**
 * What a subscription of the real client meets at the double, as servers of each line serve it:
 * slow subscribers, checkpoints, the end of a scan, positions of no event.
 */
import {
  ANY,
  BACKWARDS,
  END,
  type EventStoreDBClient,
  START,
  streamNameFilter,
  type AllStreamSubscription,
  type Position,
} from '@eventstore/db-client';
import { expect } from 'chai';
import { eventually } from '../../../../testing/eventually.js';
import type { EventStoreDouble } from './double.js';
import { doubleInSuite } from './double-in-suite.js';
import {
  errorOf,
  newEvent,
  newStream,
  positionOf,
  readAllOf,
  type ClientError,
} from './support.js';

const MUCH = 2_000;
const NO_POSITION = 2n ** 64n - 1n;

describe('event store double: subscriptions', () => {
  let double: EventStoreDouble;
  let client: EventStoreDBClient;
  doubleInSuite((opened) => ({ double, client } = opened));

  const append = (stream: string, count = 1, text = '') =>
    client.appendToStream(
      stream,
      Array.from({ length: count }, () => newEvent('Happened', { text })),
      { expectedRevision: ANY },
    );
  const writeMuch = async (stream: string) => {
    for (let written = 0; written < MUCH; written += 200)
      await append(stream, 200, 'x'.repeat(1000));
  };
  const follow = (prefix: string, fromPosition: Position | typeof START = START, max = 32) => {
    const filter = streamNameFilter({
      prefixes: [prefix],
      maxSearchWindow: max,
      checkpointInterval: 1,
      checkpointReached: (_, { commit }) => void heard.said.push(commit),
    });
    const subscription = client.subscribeToAll({ filter, fromPosition });
    const heard = listenTo(subscription);
    return heard;
  };

  it('before 24.2 a slow live subscriber is dropped', async () => {
    const stream = newStream();
    const { subscription, said, error } = follow(stream);
    await eventually('live', () => said.includes('caught up'));
    subscription.pause();
    await writeMuch(stream);
    subscription.resume();
    const { type, code, message } = await eventually('dropped', error);
    expect([type, code]).to.deep.equal(['timeout', 10]);
    expect(message).to.contain('Consumer too slow to handle event while live. Client resub');
  });

  it('from 24.2 on a slow live subscriber falls behind, and misses nothing', async () => {
    await double.behave({ serverVersion: '24.10.4' });
    const stream = newStream();
    const { subscription, said, seen } = follow(stream);
    await eventually('live', () => said.includes('caught up'));
    subscription.pause();
    await writeMuch(stream);
    subscription.resume();
    await eventually('all of it', () => seen.length === MUCH);
    expect(seen).to.deep.equal(seen.map((_, at) => BigInt(at)));
    const isCaughtUpTwice = () => said.filter((word) => word === 'caught up').length === 2;
    await eventually('caught up again', isCaughtUpTwice);
    await subscription.unsubscribe();
    await double.behave({ serverVersion: '23.10.6' });
  });

  it('only caught up ends a scan whose filter does not match the head', async () => {
    const stream = newStream();
    await append(stream);
    const { position } = await append(newStream(), 100);
    for (const serverVersion of ['23.10.6', '24.10.4']) {
      await double.behave({ serverVersion });
      const { subscription, said } = follow(stream);
      await eventually('caught up', () => said.includes('caught up'));
      const checkpoints = said.filter((word) => typeof word === 'bigint');
      expect(checkpoints.length).to.be.greaterThan(0);
      expect(checkpoints.every((checkpoint) => checkpoint < (position?.commit ?? 0n))).to.be.true;
      await subscription.unsubscribe();
    }
    await double.behave({ serverVersion: '23.10.6' });
  });

  it('24.2 to 24.10 end a scan that found nothing with a checkpoint of no position', async () => {
    const first = new Map<string, unknown[]>();
    for (const serverVersion of ['23.10.6', '24.10.4', '25.0.0']) {
      await double.behave({ serverVersion });
      const { subscription, said } = follow(newStream(), START, 100_000);
      await eventually('caught up', () => said.includes('caught up'));
      first.set(serverVersion, [...said]);
      await subscription.unsubscribe();
    }
    expect(first.get('23.10.6')).to.deep.equal(['caught up']);
    expect(first.get('24.10.4')).to.deep.equal([NO_POSITION, 'caught up']);
    expect(first.get('25.0.0')).to.deep.equal([0n, 'caught up']);
    await double.behave({ serverVersion: '23.10.6' });
  });

  it('a position of no event is refused in the words of each line', async () => {
    await append(newStream());
    const { position } = await append(newStream());
    const commit = (position?.commit ?? 0n) - 1n;
    const fromPosition = { commit, prepare: commit };
    const words: unknown[] = [];
    for (const serverVersion of ['23.10.6', '24.10.4']) {
      await double.behave({ serverVersion });
      const read = await errorOf(readAllOf(client.readAll({ fromPosition })));
      const { said, error } = follow('any', fromPosition);
      const followed = await eventually('refused', error);
      words.push(read.code, read.message, followed.code, followed.message, said);
    }
    expect(words).to.deep.equal([
      ...[2, '2 UNKNOWN: Unexpected ReadAllResult: Error'],
      ...[2, '2 UNKNOWN: Exception was thrown by handler.', []],
      ...[2, '2 UNKNOWN: Unexpected ReadAllResult: InvalidPosition'],
      ...[3, '3 INVALID_ARGUMENT: Trying to read from an invalid position.', []],
    ]);
    await double.behave({ serverVersion: '23.10.6' });
  });

  it('millions of events of the server itself take time to pass, and nothing else', async () => {
    const stream = newStream();
    await append(stream);
    await double.pretendSystemEvents(300_000);
    const began = performance.now();
    const { subscription, said, seen } = follow(stream, START, 512);
    await eventually('caught up', () => said.includes('caught up'));
    expect(performance.now() - began).to.be.at.least(250);
    const checkpoints = said.filter((word) => typeof word === 'bigint');
    expect(checkpoints.length).to.be.greaterThan(500);
    expect(checkpoints).to.deep.equal([...checkpoints].sort((a, b) => Number(a - b)));
    const { position } = await append(stream);
    await eventually('the event behind them', () => seen.length === 2);
    expect(position?.commit ?? 0n).to.be.greaterThan((checkpoints.at(-1) ?? 0n) as never);
    await subscription.unsubscribe();

    await double.restart();
    const read = () =>
      readAllOf(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 2 }));
    const [last, before] = await eventually('connected', () => read().catch(() => undefined));
    expect(positionOf(last)).to.deep.equal(position);
    expect(before?.event?.streamId).to.equal('$ce-pretended');
  });
});

function listenTo(subscription: AllStreamSubscription) {
  const said: (bigint | 'caught up')[] = [];
  const seen: bigint[] = [];
  let failure: ClientError | undefined;
  subscription.on('caughtUp', () => said.push('caught up'));
  subscription.on('error', (error) => (failure = error as ClientError));
  subscription.on('data', ({ event }) => seen.push(event?.revision ?? -1n));
  return { subscription, said, seen, error: () => failure };
}
