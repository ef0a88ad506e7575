/** Opens the bus that the configuration names. */
import type { Pool } from 'pg';
import type { AnyEvent } from '../contracts/events/all.js';
import type { RecordedEvent } from '../contracts/events/envelope.js';
import type { Config } from '../infra/config/config.js';
import type { CheckpointStore } from '../infra/checkpoints/port.js';
import { openPostgresCheckpoints } from '../infra/checkpoints/postgres.js';
import { openFence, type Fence } from '../infra/event-bus/fence.js';
import { openInProcessBus } from '../infra/event-bus/in-process.js';
import type { EventBus } from '../infra/event-bus/port.js';
import type { Handled } from '../infra/event-bus/key-dispatcher.js';
import type { Epoch } from '../infra/event-store/identity.js';
import type { EventStore } from '../infra/event-store/port.js';
import type { Worker } from '../infra/worker.js';
import type { Leases } from '../infra/leases/port.js';
import type { Log } from '../infra/logger.js';
import type { Metrics } from '../infra/metrics.js';

export interface Bus {
  readonly bus: EventBus;
  /** Over the store's own subscription; the same as `bus` where that is it. */
  readonly logBus: EventBus;
  /** Publishes notifications of the store's events, where the bus is not the store itself. */
  readonly relay: Worker | undefined;
  /** Throws when the bus cannot be reached; undefined when it has no server of its own. */
  readonly check: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

export interface OpenBusOptions {
  readonly config: Pick<Config, 'kafkaBrokers' | 'roles'>;
  readonly store: EventStore;
  /** The epoch of the log whose positions this process uses. */
  readonly epoch: Epoch;
  /** For checkpoints and leases. */
  readonly pool: Pool;
  readonly leases: Leases;
  /** Names this process among the living. */
  readonly instance: string;
  /** Takes each event that the bus reads, before a processor is notified of it. */
  readonly onEvent: (event: RecordedEvent<AnyEvent>) => void;
  readonly log: Log;
  readonly metrics: Metrics;
}

export async function openBus(options: OpenBusOptions): Promise<Bus> {
  const { config, store, epoch, pool, leases, instance, onEvent, log, metrics } = options;
  const fence = openFence(log);
  const { onMoved } = fence;
  const checkpoints = openPostgresCheckpoints({ pool, epoch, onMoved });
  const onHandled = reporter(log, metrics);
  const lease = { leases, holder: instance };
  const common = { store, checkpoints, log, lease, onHandled };
  const { kafkaBrokers } = config;
  if (kafkaBrokers) {
    const logBus = fence.ofBus(openInProcessBus(common));
    return { ...(await openOverKafka(options, kafkaBrokers, { ...common, fence })), logBus };
  }
  const bus = fence.ofBus(openInProcessBus({ ...common, onEvent }));
  return {
    bus,
    logBus: bus,
    relay: undefined,
    check: undefined,
    close: async () => undefined,
  };
}

interface Common {
  readonly checkpoints: CheckpointStore;
  readonly fence: Fence;
  readonly onHandled: (handled: Handled) => void;
}

/** Nothing connects before it is used: some roles neither publish nor consume. */
async function openOverKafka(
  { config, store, epoch, pool, leases, instance, log, metrics }: OpenBusOptions,
  brokers: readonly string[],
  { checkpoints, fence, onHandled }: Common,
): Promise<Omit<Bus, 'logBus'>> {
  const [
    { openKafkaClient },
    { openKafkaBus },
    { openRelay },
    { openPostgresProcessedPositions },
    { PREFIX },
  ] = await Promise.all([
    import('../infra/event-bus/kafka/client.js'),
    import('../infra/event-bus/kafka/bus.js'),
    import('../infra/event-bus/kafka/relay.js'),
    import('../infra/event-bus/kafka/processed-positions.js'),
    import('../infra/event-bus/kafka/names.js'),
  ]);
  const client = openKafkaClient({ brokers, clientId: `modelroute-${instance}`, log });
  const lease = { leases, holder: instance };
  const common = { store, client, epoch, checkpoints, lease, log, metrics, prefix: PREFIX };
  const { onMoved } = fence;
  const processed = openPostgresProcessedPositions({ pool, epoch, onMoved });
  const bus = openKafkaBus({ ...common, processed, onHandled });
  const isNeeded = config.roles.has('processors') || config.roles.has('relay');
  return {
    bus: fence.ofBus(bus),
    relay: fence.ofWorker(openRelay(common)),
    check: isNeeded ? () => client.ping() : undefined,
    close: async () => {
      await bus.close();
      client.close();
    },
  };
}

/** The metric and the one wide log line of each unit of work. */
function reporter(log: Log, metrics: Metrics) {
  return ({ group, notification, outcome, ms }: Handled): void => {
    metrics.handled.inc({ group, outcome });
    metrics.handledSeconds.observe({ group }, ms / 1000);
    if (!log.isLevelEnabled('debug')) return;
    const { stream, revision, type, attempt } = notification;
    log.debug({ group, stream, revision, type, attempt, outcome, ms: Math.round(ms) }, 'handled');
  };
}
