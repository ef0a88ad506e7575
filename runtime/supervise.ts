/** Runs workers until one is asked to stop or one fails; then stops all, in bounded time. */
import { setMaxListeners } from 'node:events';
import { aborted } from '../infra/concurrency/pause.js';
import type { Log } from '../infra/logger.js';
import type { Worker } from '../infra/worker.js';

/**
 * What is in flight may take this long after SIGTERM: of the ten seconds of running.md the rest is
 * for closing, which a part that is silent never answers.
 */
const DRAIN_MS = 8_500;

/**
 * Resolves when every worker has returned after `signal` aborted; rejects with the first failure
 * after the others were stopped.
 */
export async function supervise(
  workers: readonly Worker[],
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // several for each worker
  signal.addEventListener('abort', () => stop.abort(), { once: true });
  if (signal.aborted) stop.abort();
  let failure: unknown;
  const runs = workers.map(async (worker) => {
    try {
      await worker.run(stop.signal);
      if (!stop.signal.aborted)
        throw new Error(`${worker.name} returned before it was asked to stop`);
    } catch (error) {
      log.error({ worker: worker.name, err: error }, 'a worker failed; stopping');
      failure ??= error;
      stop.abort();
    }
  });
  await aborted(stop.signal);
  await Promise.race([Promise.all(runs), after(DRAIN_MS)]);
  if (failure !== undefined) throw failure as Error;
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
