/**
 * `make cluster`: one process per role, several of each, on this machine (docs/distributed.md).
 * The contract is that of `make start`; MODELROUTE_CLUSTER=postgres leaves Kafka, the event store
 * and the S3 store out.
 */
import { StartError } from '../../infra/start-error.js';
import { runCluster } from './cluster.js';
import { setupFrom } from './setup.js';

/** As `serve` has it: `make` passes on the signal that the whole group was sent already. */
const SAME_WISH_MS = 300;

const stop = new AbortController();
let firstAtMs = 0;
for (const name of ['SIGTERM', 'SIGINT'] as const)
  process.on(name, () => {
    if (!stop.signal.aborted) firstAtMs = performance.now();
    else if (performance.now() - firstAtMs > SAME_WISH_MS) process.exit(130);
    stop.abort();
  });

try {
  await runCluster(setupFrom(process.env), stop.signal);
  process.exit(0);
} catch (error) {
  const isCurable = error instanceof StartError || !(error instanceof Error);
  process.stderr.write(`${isCurable ? String((error as Error).message) : error.stack}\n`);
  process.exit(1);
}
