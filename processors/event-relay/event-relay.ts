/**
 * The role `relay`: publishes a notification of every event to Kafka. Its loop, lease and
 * checkpoint are in infra/event-bus/kafka/relay.ts, which the runtime opens. Without Kafka the
 * event store itself notifies the processors, and there is no relay.
 */
import type { Worker } from '../../infra/worker.js';
import type { Infra } from '../../runtime/infra.js';

export const relayWorkers = ({ relay }: Pick<Infra, 'relay'>): readonly Worker[] =>
  relay ? [relay] : [];
