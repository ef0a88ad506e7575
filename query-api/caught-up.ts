/**
 * Lists are read from the read models alone. So that they show what their reader just did, they
 * wait until the projection has passed the head of the log as it was when they were asked for; a
 * projection that does not come so far in time is read as it is.
 */
import type { QueryInfra } from './query-infra.js';

/** Ten times the usual lag under load; after that the list is read as it is. */
const PATIENCE_MS = 1_000;

export async function caughtUp(
  { store, progress }: Pick<QueryInfra, 'progress' | 'store'>,
  projection: string,
): Promise<void> {
  await progress.passed(projection, await store.head(), PATIENCE_MS);
}
