/**
 * Lists are read from the read models alone. So that they show what their reader just did, they
 * wait until the projection has passed the head of the log as it was when they were asked for; a
 * projection that does not come so far in time is read as it is.
 */
import { StoreUnavailable, type Position } from '../infra/event-store/port.js';
import type { QueryInfra } from './query-infra.js';

/** Ten times the usual lag under load; after that the list is read as it is. */
const PATIENCE_MS = 1_000;

/** False where it is read as it is. */
export const caughtUp = async (
  { store, progress }: Pick<QueryInfra, 'progress' | 'store'>,
  projection: string,
  patienceMs = PATIENCE_MS,
): Promise<boolean> => progress.passed(projection, await store.head(), patienceMs);

/** For an answer that must not lack anything up to there: throws `StoreUnavailable` if it would. */
export async function caughtUpTo(
  { progress }: Pick<QueryInfra, 'progress'>,
  projection: string,
  position: Position,
): Promise<void> {
  if (await progress.passed(projection, position, PATIENCE_MS)) return;
  throw new StoreUnavailable(`${projection} has not come to position ${position} yet`);
}
