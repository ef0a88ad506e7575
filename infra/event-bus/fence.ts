/**
 * Stops the buses and the relay of a process once it is known that the log of the database has
 * moved: they wait an outage out, but a move is no outage. `run` rejects then, which ends the
 * process.
 */
import type { Worker } from '../worker.js';
import type { Log } from '../logger.js';
import type { LogMoved } from '../checkpoints/epoch.js';
import type { EventBus } from './port.js';

export interface Fence {
  readonly onMoved: (error: LogMoved) => void;
  ofBus<B extends EventBus>(bus: B): B;
  ofWorker(worker: Worker): Worker;
}

export function openFence(log: Log): Fence {
  const moved = new AbortController();
  const fenced = async (work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal) => {
    await work(AbortSignal.any([signal, moved.signal]));
    moved.signal.throwIfAborted();
  };
  return {
    onMoved: (err) => {
      if (moved.signal.aborted) return;
      log.fatal({ err }, 'the log has moved: this process stops');
      moved.abort(err);
    },
    ofBus: (bus) => ({
      ...bus,
      run: (group, signal) => fenced((until) => bus.run(group, until), signal),
    }),
    ofWorker: (worker) => ({
      ...worker,
      run: (signal) => fenced((until) => worker.run(until), signal),
    }),
  };
}
