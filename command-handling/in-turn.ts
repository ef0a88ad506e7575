/**
 * What has lost a race for a stream goes on in turn: of one process one at a time decides again, so
 * that many that race do not refuse one another. Other processes are met as before.
 */
import { createKeyedSemaphore } from '../infra/concurrency/keyed-semaphore.js';
import { StoreOverloaded } from '../infra/event-store/port.js';

/** Runs `work` when its turn for this id has come; `StoreOverloaded` where too many wait. */
export type InTurn = <T>(id: string, work: () => Promise<T>) => Promise<T>;

/** Of one id, in this process. */
const WAITING_MAX = 1_000;

export function openInTurn(): InTurn {
  const turns = createKeyedSemaphore(1, WAITING_MAX);
  return async (id, work) => {
    if (!(await turns.acquire(id))) throw new StoreOverloaded(`${id}: too many changes wait`);
    try {
      return await work();
    } finally {
      turns.release(id);
    }
  };
}
