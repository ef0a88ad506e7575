/** For specs: a log that begins behind a position, so that cases may share one server. */
import { START, type EventStore, type Position } from '../../port.js';

export function behind<Store extends EventStore>(origin: Position, store: Store): Store {
  const from = (after: Position) => (after < origin ? origin : after);
  const told = (position: Position) => (position <= origin ? START : position);
  return {
    ...store,
    head: async () => told(await store.head()),
    async readAll(after, limit, filter) {
      const batch = await store.readAll(from(after), limit, filter);
      return { ...batch, position: told(batch.position) };
    },
    async *subscribe(after, filter, signal) {
      for await (const batch of store.subscribe(from(after), filter, signal))
        yield { ...batch, position: told(batch.position) };
    },
  };
}
