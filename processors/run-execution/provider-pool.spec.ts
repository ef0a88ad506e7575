import { expect } from 'chai';
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import { openMetrics } from '../../infra/metrics.js';
import { openProviderPool } from './provider-pool.js';

const a: Provider = {
  slug: 'a',
  adapter: 'openai-chat',
  baseUrl: 'http://127.0.0.1:1',
  honoursIdempotencyKey: true,
  timeoutMs: 1_000,
  bulkhead: 1,
  breaker: { failuresToOpen: 2, successesToClose: 1, openMs: 1_000, halfOpenProbes: 1 },
  poll: { firstMs: 1_000, everyMs: 1_000, maxMs: 15_000 },
};

const by = (organization: string, execution = organization) => ({
  route: 'm/a',
  organization,
  execution,
});

describe('the provider pool', () => {
  const open = () => openProviderPool(openMetrics(), () => 0);

  it('counts the calls under way', () => {
    const pool = open();
    const slots = [pool.take(a, by('x')), pool.take(a, by('y'))];
    expect(pool.health().get('a')?.inFlight).to.equal(2);
    for (const slot of slots) slot.release('succeeded', 5);
    expect(pool.health().get('a')).to.include({ inFlight: 0 });
  });

  it('says which provider has a slot again, after its health has changed', () => {
    const pool = open();
    const heard: string[] = [];
    pool.onRelease((slug) => heard.push(`${slug} ${pool.health().get(slug)?.circuit.status}`));
    const slots = [pool.take(a, by('x')), pool.take(a, by('y'))];
    for (const slot of slots) slot.release('failed', 1);
    expect(heard).to.deep.equal(['a closed', 'a open']);
  });

  it('counts a reserved slot as a call, and leaves the circuit alone', () => {
    const pool = open();
    pool.reserve('a');
    expect(pool.health().get('a')).to.include({ inFlight: 1 });
    expect(pool.reserved('a')).to.equal(1);
    pool.cancelReservation('a');
    expect(pool.health().get('a')).to.include({ inFlight: 0 });
    expect(pool.reserved('a')).to.equal(0);
  });

  it('tells of a circuit that opens or closes here, and of none that others told of', () => {
    let nowMs = 0;
    const pool = openProviderPool(openMetrics(), () => nowMs);
    const told: string[] = [];
    pool.onTransition(({ provider, route }, circuit) => {
      const only = circuit.status === 'closed' ? '' : ` ${circuit.only ?? 'all'}`;
      told.push(`${route ?? provider} ${circuit.status}${only}`);
    });
    const fail = (organization: string, execution: string, ending: 'failed' | 'refused') =>
      pool.take(a, by(organization, execution)).release(ending, 1);
    fail('x', '1', 'failed');
    fail('x', '2', 'failed');
    fail('y', '3', 'failed');
    expect(told.splice(0)).to.deep.equal(['a open x', 'a open all']);
    nowMs = 1_000;
    pool.take(a, by('x')).release('failed', 1);
    expect(told, 'it rests on').to.deep.equal([]);
    nowMs = 2_000;
    pool.take(a, by('x')).release('succeeded', 1);
    fail('x', '4', 'refused');
    fail('y', '5', 'refused');
    expect(told.splice(0)).to.deep.equal(['a closed', 'm/a open all']);
    expect(pool.health().get('a')?.circuit.status).to.equal('closed');
    pool.learnClosed({ provider: 'a', route: 'm/a' });
    pool.learnOpen({ provider: 'a' }, 5_000);
    expect(pool.routes().get('m/a')?.status).to.equal('closed');
    expect(pool.health().get('a')?.circuit).to.include({ status: 'open', untilMs: 5_000 });
    expect(told).to.deep.equal([]);
  });
});
