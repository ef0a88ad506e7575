/** What the real client meets at a double that is told to end while it is connected. */
import { EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { expect } from 'chai';
import { eventually } from '../../../../testing/eventually.js';
import type { EventStoreDouble } from './double.js';
import { doubleInSuite } from './double-in-suite.js';
import { errorOf, newEvent, newStream, revisionsOf, type ClientError } from './support.js';

const GRACE_MS = 1_500;

describe('event store double: a graceful end', () => {
  let double: EventStoreDouble;
  let client: EventStoreDBClient;
  doubleInSuite((opened) => ({ double, client } = opened), { graceMs: GRACE_MS });

  const append = (stream: string) =>
    client.appendToStream(stream, newEvent('Happened'), { expectedRevision: NO_STREAM });

  it('one append may be refused as by a server that is not ready, and its line stays', async () => {
    const stream = newStream();
    await double.behave({ notReady: 1 });
    const error = await errorOf(append(stream));
    expect(error.message).to.contain('Server Is Not Ready');
    expect((await append(stream)).nextExpectedRevision).to.equal(0n);
  });

  it('open lines are refused one by one, subscriptions are silent, then all is cut', async () => {
    const stream = newStream();
    await append(stream);
    const subscription = client.subscribeToAll();
    let ended: ClientError | undefined;
    let isCaughtUp = false;
    subscription.on('error', (error) => (ended = error as ClientError));
    subscription.on('caughtUp', () => (isCaughtUp = true)).resume();
    await eventually('live', () => isCaughtUp);

    const began = performance.now();
    const gone = double.endGracefully();
    const other = EventStoreDBClient.connectionString(double.url);
    const refusal = () => errorOf(revisionsOf(other, stream));
    await eventually('new connections are refused', async () => {
      const { message } = await refusal().catch(() => new Error('answered'));
      return message.includes('ECONNREFUSED');
    });
    expect((await errorOf(append(newStream()))).message).to.contain('Server Is Not Ready');
    expect((await errorOf(append(newStream()))).message).to.contain('Server Is Not Ready');
    expect(ended).to.equal(undefined);
    await gone;
    expect(performance.now() - began).to.be.at.least(GRACE_MS);
    await eventually('the subscription is cut', () => ended);
    expect([1, 13, 14]).to.include(ended?.code);
    await other.dispose();
  });

  it('without connections it ends at once, and has everything when it begins again', async () => {
    await double.restart();
    await client.dispose();
    const began = performance.now();
    await double.endGracefully();
    expect(performance.now() - began).to.be.lessThan(GRACE_MS);
    await double.restart();
    client = EventStoreDBClient.connectionString(double.url);
    expect((await append(newStream())).nextExpectedRevision).to.equal(0n);
    await client.dispose();
  });
});
