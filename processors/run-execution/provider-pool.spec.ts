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

describe('the provider pool', () => {
  const open = () => openProviderPool(openMetrics(), () => 0);

  it('counts the calls under way', () => {
    const pool = open();
    const slots = [pool.take(a), pool.take(a)];
    expect(pool.health().get('a')?.inFlight).to.equal(2);
    for (const slot of slots) slot.release('succeeded', 5);
    expect(pool.health().get('a')).to.include({ inFlight: 0, latencyMs: 5 });
  });

  it('says which provider has a slot again, after its health has changed', () => {
    const pool = open();
    const heard: string[] = [];
    pool.onRelease((slug) => heard.push(`${slug} ${pool.health().get(slug)?.circuit.status}`));
    const slots = [pool.take(a), pool.take(a)];
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
});
