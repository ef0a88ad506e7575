/** Two processes over one log: what one finds out about a provider, the other knows. */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { ProviderEvent } from '../../contracts/events/provider.js';
import { admissionOf } from '../../domain/routing/breaker.js';
import type * as Provider from '../../domain/provider/provider.js';
import { readEvents } from '../../command-handling/streams.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { openMetrics } from '../../infra/metrics.js';
import type { Infra } from '../../runtime/infra.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { eventually } from '../../testing/eventually.js';
import { openProviderPool, type ProviderPool } from './provider-pool.js';
import { sharedCircuits } from './shared-circuits.js';

const PROVIDER = 'aurora-chat';
const ROUTE = 'text-generation-standard/aurora-chat';
const STREAM = `provider-${PROVIDER}` as const;

describe('shared circuits', () => {
  let spec: SpecInfra;
  const stops: (() => Promise<void>)[] = [];
  before(async () => {
    spec = await openSpecInfra();
  });
  after(() => spec.close());
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  /** What a process has that calls providers, before anything is called. */
  function poolOf(infra: Infra): ProviderPool {
    const pool = openProviderPool(openMetrics(), infra.now);
    stops.push(spec.run([sharedCircuits(infra, pool)]));
    return pool;
  }
  const processes = (): [ProviderPool, ProviderPool] => [
    poolOf(spec.infra),
    poolOf({ ...spec.infra, instance: randomUUID() }),
  ];
  const provider = () => spec.infra.catalogue.current().providers.get(PROVIDER)!;
  const call = (pool: ProviderPool, n: number, ending: 'failed' | 'refused' | 'succeeded') =>
    pool
      .take(provider(), { route: ROUTE, organization: `org_${n}`, execution: `exec_${n}` })
      .release(ending, 1);
  const failAll = (pool: ProviderPool, ending: 'failed' | 'refused') => {
    for (let n = 0; n < provider().breaker.failuresToOpen; n += 1) call(pool, n, ending);
  };
  const statusOf = (pool: ProviderPool) => pool.health().get(PROVIDER)?.circuit.status;
  const eventsOf = () => readEvents<ProviderEvent>(spec.infra.store, STREAM);

  it('are open, and closed, in every process within about a second', async () => {
    const [one, other] = processes();
    failAll(one, 'failed');
    await eventually('the other rests too', () => statusOf(other) === 'open');
    failAll(other, 'failed');
    spec.clock.aheadMs += provider().breaker.openMs;
    for (let n = 0; n < provider().breaker.successesToClose; n += 1) call(other, n, 'succeeded');
    expect(statusOf(other)).to.equal('closed');
    await eventually('the first goes on', () => statusOf(one) === 'closed');
    const events = await eventsOf();
    expect(
      events.map(({ type, data }) => [type, data.foundBy === spec.infra.instance]),
    ).to.deep.equal([
      ['ProviderCircuitOpened', true],
      ['ProviderCircuitClosed', false],
    ]);
  });

  it('of a route leave its provider alone', async () => {
    const [one, other] = processes();
    failAll(one, 'refused');
    await eventually('it rests', () => other.routes().get(ROUTE)?.status === 'open');
    expect(statusOf(other) ?? 'closed').to.equal('closed');
    const { data } = (await eventsOf()).at(-1)!;
    expect(data).to.include({ provider: PROVIDER, route: ROUTE });
    spec.clock.aheadMs += provider().breaker.openMs;
    for (let n = 0; n < provider().breaker.successesToClose; n += 1) call(one, n, 'succeeded');
    await eventually('it goes on', () => other.routes().get(ROUTE)?.status === 'closed');
  });

  it('are known to a process that starts', async () => {
    const first = poolOf(spec.infra);
    failAll(first, 'failed');
    const { length } = await eventually('it is told', async () => {
      const events = await eventsOf();
      return events.at(-1)?.type === 'ProviderCircuitOpened' ? events : undefined;
    });
    const late = poolOf({ ...spec.infra, instance: randomUUID() });
    await eventually('it rests', () => statusOf(late) === 'open');
    expect(await eventsOf()).to.have.length(length);
  });

  it('are their own while the log is away', async () => {
    const away = () => Promise.reject(new StoreUnavailable('away'));
    const { store, providerCircuits } = spec.infra;
    const pool = poolOf({
      ...spec.infra,
      store: { ...store, head: away, readAll: away },
      providerCircuits: { ...providerCircuits, transact: away },
    });
    failAll(pool, 'failed');
    expect(statusOf(pool)).to.equal('open');
    await eventually('it is logged', () =>
      spec.logged.some(({ msg }) => msg === 'other processes could not be told of a circuit'),
    );
  });

  it('are held open, and closed, by an operator, whatever calls say', async () => {
    const { infra } = spec;
    const [one, other] = processes();
    const at = new Date(infra.now()).toISOString();
    const until = new Date(infra.now() + 3_600_000).toISOString();
    const data = { provider: PROVIDER, foundBy: 'operator', byOperator: true, at };
    const decided = async (command: Provider.Command) => {
      const metadata = { actor: 'operator', correlationId: PROVIDER, causationId: 'spec' };
      await infra.providerCircuits.transact(PROVIDER, command, metadata);
    };
    const calling = { route: ROUTE, organization: 'org_1', execution: 'exec_1' };
    const underWay = one.take(provider(), calling);
    await decided({ type: 'Open', data: { ...data, until } });
    const isHeld = (pool: ProviderPool) => {
      const circuit = pool.health().get(PROVIDER)?.circuit;
      return circuit?.status === 'open' && circuit.untilMs === Date.parse(until);
    };
    await eventually('both rest', () => isHeld(one) && isHeld(other));
    underWay.release('succeeded', 1);
    expect(isHeld(one)).to.equal(true);
    const circuit = one.health().get(PROVIDER)?.circuit;
    const { openMs } = provider().breaker;
    const admission = admissionOf(circuit!, provider().breaker, infra.now() + openMs);
    expect(admission).to.include({ admitted: false, reason: 'breaker_open' });
    const late = poolOf({ ...infra, instance: randomUUID() });
    await eventually('one that starts rests too', () => isHeld(late));
    const asked = one.take(provider(), calling);
    asked.release('throttled', 1, 3_600_000);
    await decided({ type: 'Close', data });
    const isAdmitted = (pool: ProviderPool) => {
      const circuit = pool.health().get(PROVIDER)?.circuit;
      return circuit && admissionOf(circuit, provider().breaker, infra.now()).admitted;
    };
    await eventually('all go on', () => [one, other, late].every(isAdmitted));
  });
});
