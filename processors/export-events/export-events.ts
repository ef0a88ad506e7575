/**
 * Continuous exports: what the feeds have goes to the sinks that operators have set. One replica at
 * a time does it, each export on its own, so that a sink that is away keeps no other from going on.
 */
import { setMaxListeners } from 'node:events';
import { pause } from '../../infra/concurrency/pause.js';
import { openSink } from '../../infra/export-sinks/open-sink.js';
import { whileLeased } from '../../infra/leases/while-leased.js';
import type { Worker } from '../../infra/worker.js';
import type { Infra } from '../../runtime/infra.js';
import { runExport, type Exporting } from './run-export.js';

const LEASE_MS = 10_000;
const LIST_EVERY_MS = 2_000;

type ExportingInfra = Omit<Exporting, 'sinkOf'> & Pick<Infra, 'config' | 'instance' | 'leases'>;

export const exportEvents = (
  infra: ExportingInfra,
  sinkOf: Exporting['sinkOf'] = (settings) =>
    openSink({ ...infra.config, log: infra.log }, settings),
): Worker => ({
  name: 'export-events',
  run: (signal) =>
    whileLeased({
      leases: infra.leases,
      name: 'export-events',
      holder: infra.instance,
      ttlMs: LEASE_MS,
      signal,
      work: (leased) => runAll({ ...infra, sinkOf }, leased),
      onOutage: (err) => infra.log.warn({ err }, 'the lease of exports could not be asked for'),
    }),
});

/** Those that are set, each as long as it is. */
async function runAll(exporting: Exporting, signal: AbortSignal): Promise<void> {
  const running = new Map<string, Promise<void>>();
  setMaxListeners(0, signal); // some for each export
  while (!signal.aborted) {
    try {
      for (const stored of await exporting.exports.list()) {
        if (running.has(stored.id) || signal.aborted) continue;
        const run = runExport(exporting, stored, signal).finally(() => running.delete(stored.id));
        running.set(stored.id, run);
      }
    } catch (err) {
      exporting.log.warn({ err }, 'the exports cannot be read');
    }
    await pause(LIST_EVERY_MS, signal);
  }
  await Promise.all(running.values());
}
