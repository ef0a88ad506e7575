import { realEventStoreUrl, sharedDouble } from './testing/server.js';
import { eventStoreContract } from '../testing/contract.js';
import { openEventStoreDbHarness } from './testing/harness.js';

eventStoreContract('EventStoreDB (the double)', async (log) =>
  openEventStoreDbHarness({ url: (await sharedDouble()).url, isOurs: true }, log),
);

if (realEventStoreUrl) {
  const server = { url: realEventStoreUrl, isOurs: false };
  eventStoreContract('EventStoreDB (EVENTSTORE_URL)', (log) =>
    openEventStoreDbHarness(server, log),
  );
}
