/** Stores over the double of EventStoreDB; apart from the kit, which need not load its client. */
import { openEventStoreDbHarness } from '../../infra/event-store/eventstoredb/testing/harness.js';
import { sharedDouble } from '../../infra/event-store/eventstoredb/testing/server.js';
import type { EventStore } from '../../infra/event-store/port.js';
import type { Stores } from './kit.js';

const silent = { warn: () => undefined, error: () => undefined };

export async function openEventStoreDbStores(): Promise<Stores> {
  const { url } = await sharedDouble();
  const harness = await openEventStoreDbHarness({ url, isOurs: true }, silent);
  const others: EventStore[] = [];
  return {
    store: harness.store,
    async another() {
      const other = await harness.openAnother();
      others.push(other);
      return other;
    },
    async close() {
      await Promise.all(others.map((other) => other.close()));
      await harness.close();
    },
  };
}
