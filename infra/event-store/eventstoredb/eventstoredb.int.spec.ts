import { realEventStoreUrl, sharedDouble } from '../../../test/support/eventstoredb.js';
import { eventStoreContract } from '../contract.js';
import { openEventStoreDbHarness } from './harness.js';

eventStoreContract('EventStoreDB (the double)', async (log) =>
  openEventStoreDbHarness({ url: (await sharedDouble()).url, isOurs: true }, log),
);

if (realEventStoreUrl) {
  const server = { url: realEventStoreUrl, isOurs: false };
  eventStoreContract('EventStoreDB (EVENTSTORE_URL)', (log) =>
    openEventStoreDbHarness(server, log),
  );
}
