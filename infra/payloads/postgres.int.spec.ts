import { openMemoryDataKeys } from '../data-keys/testing/memory.js';
import { openPostgresHarness } from '../event-store/postgres/testing/harness.js';
import { payloadsContract } from './testing/contract.js';
import { openPostgresPayloads } from './postgres.js';
import { openSealedPayloads } from './sealed.js';

const log = { warn: () => undefined, error: () => undefined };

payloadsContract('postgres', async () => {
  const harness = await openPostgresHarness(log);
  const stored = openPostgresPayloads(harness.store.smallPayloads);
  const payloads = openSealedPayloads(openMemoryDataKeys(), stored);
  return { payloads, close: () => harness.close() };
});
