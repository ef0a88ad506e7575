/** The processors: what reacts to events. Each group shares its work with its replicas. */
import type { Infra, Worker } from '../infra/infra.js';
import type { Group } from '../infra/event-bus/port.js';
import { openDeliverWebhooks } from './deliver-webhooks/deliver-webhooks.js';
import { rehostFiles } from './rehost-files/rehost-files.js';
import { openRunExecution } from './run-execution/run-execution.js';
import { runTimers } from './run-timers/run-timers.js';
import { settleExecution } from './settle-execution/settle-execution.js';

/** Of the ten seconds of a drain, calls in flight may take this much. */
const DRAIN_CALLS_MS = 8_000;

export function processorWorkers(infra: Infra): Worker[] {
  const runExecution = openRunExecution(infra);
  const deliverWebhooks = openDeliverWebhooks(infra);
  const group = (of: Group, drained?: () => Promise<void>): Worker => ({
    name: of.name,
    async run(signal) {
      await infra.bus.run(of, signal);
      await drained?.();
    },
  });
  return [
    group(runExecution.group, () => runExecution.drain(DRAIN_CALLS_MS)),
    group(settleExecution(infra)),
    group(rehostFiles(infra)),
    group(deliverWebhooks.group, () => deliverWebhooks.drain(DRAIN_CALLS_MS)),
    runTimers(infra, {
      advance: (executionId, cause, signal) => runExecution.advance(executionId, cause, signal),
      attemptDelivery: (deliveryId) => deliverWebhooks.attempt(deliveryId),
    }),
  ];
}
