/**
 * Processes that call providers learn from each other through the log: one that opens or closes a
 * circuit appends that to the provider's stream, and the others read it there.
 *
 *   a circuit opens here ──► ProviderCircuitOpened ──► the others hold calls back, at most a
 *                                                      second later, and probe on their own
 *   it closes here ────────► ProviderCircuitClosed ──► the others let calls pass again
 *   an operator opens or closes it ──────────────────► all hold calls back, or let them pass
 *
 * While the log is away each process goes by what it finds out itself: nothing waits for the others
 * (architecture: a breaker fails open). A process that starts reads what is open.
 */
import { isId, type OrganizationId } from '../../contracts/ids.js';
import type { ProviderEvent } from '../../contracts/events/provider.js';
import { categoryOf } from '../../contracts/streams.js';
import type { Circuit } from '../../domain/routing/breaker.js';
import type { Position } from '../../infra/event-store/port.js';
import { pause } from '../../infra/concurrency/pause.js';
import type { Worker } from '../../infra/worker.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import type { CircuitName, ProviderPool } from './provider-pool.js';

type CircuitInfra = Pick<
  Infra,
  'catalogue' | 'instance' | 'log' | 'metrics' | 'now' | 'providerCircuits' | 'store'
>;

/** How long the others do not know. */
const LOOK_MS = 1_000;
const PAGE = 100;
/** Of one provider's stream, the newest events; what was open before them has closed since. */
const HISTORY_MAX = 1_000;

export function sharedCircuits(infra: CircuitInfra, pool: ProviderPool): Worker {
  const saving = new Set<Promise<void>>();
  pool.onTransition((name, circuit) => {
    const work = save(infra, name, circuit).finally(() => saving.delete(work));
    saving.add(work);
  });
  return {
    name: 'shared-circuits',
    async run(signal) {
      await follow(infra, pool, signal);
      await Promise.all(saving);
    },
  };
}

/** Never rejects. */
async function save(infra: CircuitInfra, name: CircuitName, circuit: Circuit): Promise<void> {
  const { provider, route } = name;
  const isOpen = circuit.status !== 'closed';
  infra.log.warn(
    { provider, route, circuit: circuit.status },
    isOpen ? 'calls rest' : 'calls pass',
  );
  infra.metrics.circuitTransitions.inc({ provider, to: isOpen ? 'open' : 'closed' });
  const at = new Date(infra.now()).toISOString();
  const data = { provider, ...(route !== undefined && { route }), foundBy: infra.instance, at };
  const metadata = metadataOf('run-execution', provider, infra.instance);
  try {
    if (circuit.status === 'closed')
      await infra.providerCircuits.transact(provider, { type: 'Close', data }, metadata);
    else {
      const untilMs = circuit.status === 'open' ? circuit.untilMs : infra.now();
      const opened = { ...data, until: new Date(untilMs).toISOString(), ...onlyOf(circuit) };
      await infra.providerCircuits.transact(provider, { type: 'Open', data: opened }, metadata);
    }
  } catch (err) {
    infra.log.warn({ provider, route, err }, 'other processes could not be told of a circuit');
  }
}

const onlyOf = ({ only }: { readonly only?: string }) =>
  only !== undefined && isId('org', only) && { organizationId: only as OrganizationId };

async function follow(infra: CircuitInfra, pool: ProviderPool, signal: AbortSignal): Promise<void> {
  let position: Position | undefined;
  while (!signal.aborted) {
    try {
      position ??= await begin(infra, pool);
      position = await look(infra, pool, position);
    } catch (err) {
      infra.log.debug({ err }, 'circuits of other processes could not be read; trying again');
    }
    await pause(LOOK_MS, signal);
  }
}

/** What is open now, and from where on changes are read. */
async function begin({ catalogue, store }: CircuitInfra, pool: ProviderPool): Promise<Position> {
  const head = await store.head();
  for (const slug of catalogue.current().providers.keys()) {
    const events = await store.readStream(`provider-${slug}`, {
      direction: 'backward',
      limit: HISTORY_MAX,
    });
    for (const { type, data } of events.toReversed()) learn(pool, { type, data } as ProviderEvent);
  }
  return head;
}

async function look(
  { instance, store }: CircuitInfra,
  pool: ProviderPool,
  from: Position,
): Promise<Position> {
  let position = from;
  for (;;) {
    const batch = await store.readAll(position, PAGE, { categories: ['provider'] });
    for (const { stream, type, data } of batch.events) {
      const event = { type, data } as ProviderEvent;
      if (categoryOf(stream) === 'provider' && event.data.foundBy !== instance) learn(pool, event);
    }
    position = batch.position;
    if (batch.caughtUp) return position;
  }
}

function learn(pool: ProviderPool, { type, data }: ProviderEvent): void {
  const name = { provider: data.provider, route: data.route };
  if (type === 'ProviderCircuitClosed' && data.byOperator) pool.learnPutBack(name);
  else if (type === 'ProviderCircuitClosed') pool.learnClosed(name);
  else if (data.byOperator) pool.learnHeld(name, Date.parse(data.until));
  else pool.learnOpen(name, Date.parse(data.until), data.organizationId);
}
