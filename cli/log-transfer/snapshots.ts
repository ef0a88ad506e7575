/** Snapshots of long accounts, so that the first command after a move does not read all of one. */
import type { StreamName } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import * as AccountSnapshot from '../../domain/account/snapshot.js';
import { SNAPSHOT_VERSION } from '../../command-handling/accounts/account-state-cache.js';
import type { LogRow } from '../../infra/event-store/codec.js';
import { InvalidEvent } from '../../infra/event-store/codec.js';
import type { EventStore } from '../../infra/event-store/port.js';

/** Shorter ones are read in a tenth of a second by their first command. */
const LONG_EVENTS = 5_000;
const READ_MAX = 1_000;

/** Notes an account once it is long; by its revisions, so short ones take no memory. */
export function noteLong(accounts: Set<StreamName>, { stream, revision }: LogRow): void {
  if (revision % LONG_EVENTS !== LONG_EVENTS - 1) return;
  if (stream.startsWith(`${Account.category}-`)) accounts.add(stream);
}

/** A cache: one that is there and new enough stays. */
export async function writeSnapshots(
  store: EventStore,
  accounts: ReadonlySet<StreamName>,
  signal: AbortSignal,
): Promise<number> {
  let written = 0;
  for (const stream of accounts) {
    signal.throwIfAborted();
    if (await writeSnapshot(store, stream)) written += 1;
  }
  return written;
}

async function writeSnapshot(store: EventStore, stream: StreamName): Promise<boolean> {
  const there = await store.readSnapshot(stream);
  const known = there?.version === SNAPSHOT_VERSION ? there : undefined;
  const [lastIdOfKnown = '', ...parts] = known?.state.split('\n') ?? [];
  const state = Account.initial();
  for (const part of parts) AccountSnapshot.readPart(state, part);
  let revision = known?.revision ?? -1;
  let lastId = lastIdOfKnown;
  try {
    for (;;) {
      const next = { fromRevision: revision + 1, limit: READ_MAX };
      const page = await store.readStream(stream, next);
      for (const event of page) Account.evolve(state, event as unknown as Account.Event);
      ({ revision, id: lastId } = page.at(-1) ?? { revision, id: lastId });
      if (page.length < READ_MAX) break;
    }
  } catch (error) {
    if (error instanceof InvalidEvent) return false; // its owner will meet the same event
    throw error;
  }
  if (revision - (known?.revision ?? -1) < LONG_EVENTS) return false;
  const text = `${lastId}\n${AccountSnapshot.write(state)}`;
  await store.writeSnapshot(stream, { revision, version: SNAPSHOT_VERSION, state: text });
  return true;
}
