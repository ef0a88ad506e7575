import { silenceContract } from '../testing/silence.js';
import { openPostgresEventStore } from './postgres.js';
import { openPostgresHarness } from './testing/harness.js';

const log = { warn: () => undefined, error: () => undefined };

silenceContract('PostgreSQL', async () => {
  const harness = await openPostgresHarness(log);
  return {
    url: harness.url,
    direct: harness.store,
    openStore: (url) => openPostgresEventStore({ url, log }),
    close: () => harness.close(),
  };
});
