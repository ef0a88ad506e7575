/** The processors, which react to events. Each group shares its work with its replicas. */
import type { Infra } from '../runtime/infra.js';
import type { Worker } from '../infra/worker.js';
import type { EventBus, Group } from '../infra/event-bus/port.js';
import { openDeliverWebhooks } from './deliver-webhooks/deliver-webhooks.js';
import { recoverEndpoints } from './deliver-webhooks/recover-endpoints.js';
import { openRehostFiles } from './rehost-files/rehost-files.js';
import { openPollProviderJobs } from './poll-provider-jobs/poll-provider-jobs.js';
import { readCallbacks } from './poll-provider-jobs/read-callbacks.js';
import { openAcceptedJobs } from './run-execution/accepted-jobs.js';
import type { WaitingSettings } from './run-execution/waiting-entry.js';
import { openRunExecution } from './run-execution/run-execution.js';
import { runTimers } from './run-timers/run-timers.js';
import { sweepStorage } from './sweep-storage/sweep-storage.js';
import { openCompleteBatches } from './complete-batches/complete-batches.js';
import { eraseOrganizations } from './erase-payloads/erase-organizations.js';
import { erasePayloads } from './erase-payloads/erase-payloads.js';
import { expirePayloads } from './erase-payloads/expire-payloads.js';
import { exportEvents } from './export-events/export-events.js';
import { makeCheckpoints } from './make-checkpoints/make-checkpoints.js';
import { settleExecution } from './settle-execution/settle-execution.js';

/**
 * Of the ten seconds of a drain, handlers and calls in flight may together take this much; the rest
 * is for the calls that are cut then to end.
 */
const DRAIN_MS = 7_500;

export function processorWorkers(infra: Infra, waiting?: WaitingSettings): Worker[] {
  const jobs = openAcceptedJobs(infra);
  const runExecution = openRunExecution(infra, jobs, waiting);
  const pollProviderJobs = openPollProviderJobs(infra, jobs);
  const rehostFiles = openRehostFiles(infra, (provider, calling) =>
    runExecution.undelivered(provider, calling),
  );
  const completeBatches = openCompleteBatches(infra);
  const deliverWebhooks = openDeliverWebhooks(infra);
  const group = (
    of: Group,
    drain?: (waitMs: number) => Promise<void>,
    bus: EventBus = infra.bus,
  ): Worker => ({
    name: of.name,
    async run(signal) {
      let stoppedAtMs = performance.now();
      signal.addEventListener('abort', () => (stoppedAtMs = performance.now()), { once: true });
      await bus.run(of, signal);
      await drain?.(Math.max(0, stoppedAtMs + DRAIN_MS - performance.now()));
    },
  });
  return [
    group(runExecution.group, (waitMs) => runExecution.drain(waitMs)),
    group(readCallbacks(infra, jobs, pollProviderJobs)),
    group(settleExecution(infra, completeBatches)),
    group(completeBatches.group),
    group(rehostFiles.group, () => rehostFiles.drain()),
    group(deliverWebhooks.group, (waitMs) => deliverWebhooks.drain(waitMs)),
    group(deliverWebhooks.others, undefined, infra.logBus),
    deliverWebhooks.due,
    deliverWebhooks.disabling,
    group(recoverEndpoints(infra), undefined, infra.logBus),
    group(erasePayloads(infra), undefined, infra.logBus),
    group(eraseOrganizations(infra), undefined, infra.logBus),
    runTimers(infra, {
      advance: (executionId, metadata, signal) =>
        runExecution.advance(executionId, metadata, signal),
      checkBatch: (batchId, metadata) => completeBatches.check(batchId, metadata),
      poll: (due, metadata, signal) => pollProviderJobs.poll(due, metadata, signal),
    }),
    sweepStorage(infra),
    makeCheckpoints(infra),
    expirePayloads(infra),
    exportEvents(infra),
    runExecution.circuits,
  ];
}
