/** An in-process bus that can end as a killed process does, while the spec itself goes on. */
import type { CheckpointStore } from '../../checkpoints/port.js';
import type { OpenedBus } from './contract.js';
import { openInProcessBus } from '../in-process.js';

type BusOptions = Parameters<typeof openInProcessBus>[0];

export function openMortalBus(options: BusOptions): OpenedBus {
  const death = new AbortController();
  const checkpoints = severable(options.checkpoints, death.signal);
  const bus = openInProcessBus({ ...options, checkpoints });
  return {
    bus: {
      ...bus,
      run: (group, signal) => bus.run(group, AbortSignal.any([signal, death.signal])),
    },
    crash: async () => death.abort(),
    close: async () => undefined,
  };
}

/** After the death no call is made any more, and none is answered. */
function severable(inner: CheckpointStore, death: AbortSignal): CheckpointStore {
  const over = <T>(ask: () => Promise<T>): Promise<T> =>
    death.aborted ? new Promise<T>(() => undefined) : ask();
  return {
    read: (...args) => over(() => inner.read(...args)),
    save: (...args) => over(() => inner.save(...args)),
    list: () => over(() => inner.list()),
    addDeadLetter: (...args) => over(() => inner.addDeadLetter(...args)),
    removeDeadLetter: (...args) => over(() => inner.removeDeadLetter(...args)),
    deadLetters: (...args) => over(() => inner.deadLetters(...args)),
    requestRedrive: (...args) => over(() => inner.requestRedrive(...args)),
    redrivesRequested: (...args) => over(() => inner.redrivesRequested(...args)),
  };
}
