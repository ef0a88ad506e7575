import { openPostgresHarness } from '../event-store/postgres/testing/harness.js';
import { payloadsContract } from './testing/contract.js';
import { openPostgresPayloads } from './postgres.js';

const log = { warn: () => undefined, error: () => undefined };

payloadsContract('postgres', async () => {
  const harness = await openPostgresHarness(log);
  const payloads = openPostgresPayloads(harness.store.smallPayloads);
  return { payloads, close: () => harness.close() };
});
