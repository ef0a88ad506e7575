/**
 * Snapshots of earlier releases do not know what was spent when: the events of their last month do.
 * They are read once, for the first snapshot that knows it.
 */
import type { StreamName } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import type { EventStore } from '../../infra/event-store/port.js';

const PAGE = 1_000;
/** Clocks differ, so events are not quite in the order of their times. */
const SLACK_MS = 2 * 3_600_000;

/** `state` is as it stood at `revision`. */
export async function recountSpending(
  store: EventStore,
  stream: StreamName,
  state: Account.State,
  revision: number,
): Promise<void> {
  const msAt = async (at: number) => {
    const [event] = await store.readStream(stream, { fromRevision: at, limit: 1 });
    return Date.parse((event as unknown as Account.Event).data.at);
  };
  const monthMs = Date.parse(`${new Date(await msAt(revision)).toISOString().slice(0, 7)}-01`);
  let [first, last] = [0, revision];
  while (first < last) {
    const middle = (first + last) >> 1;
    if ((await msAt(middle)) < monthMs - SLACK_MS) first = middle + 1;
    else last = middle;
  }
  const month = Account.initial();
  for (let at = first; at <= revision; at += PAGE) {
    const limit = Math.min(PAGE, revision + 1 - at);
    const events = await store.readStream(stream, { fromRevision: at, limit });
    for (const event of events) Account.evolve(month, event as unknown as Account.Event);
  }
  for (const [scope, spent] of month.spent) state.spent.set(scope, spent);
  for (const hold of month.holds.values()) Account.putHold(state, hold);
}
