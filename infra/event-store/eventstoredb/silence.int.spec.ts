import { temporaryFolder } from '../../../testing/folders.js';
import { freshDatabase } from '../../postgres/testing/fresh-database.js';
import { startEventStoreDouble } from '../testing/double/double.js';
import { silenceContract } from '../testing/silence.js';
import { openEventStoreDb } from './eventstoredb.js';
import { migrateSideTables } from './testing/harness.js';

const log = { warn: () => undefined, error: () => undefined };

silenceContract('EventStoreDB (the double)', async () => {
  const folder = await temporaryFolder();
  const [database, double] = await Promise.all([
    freshDatabase(),
    startEventStoreDouble({ dir: folder.dir }),
  ]);
  await migrateSideTables(database.url);
  const openStore = (url: string) => openEventStoreDb({ url, databaseUrl: database.url, log });
  const direct = openStore(double.url);
  return {
    url: double.url,
    direct,
    openStore,
    async close() {
      await direct.close();
      await double.close();
      await database.drop();
      await folder.remove();
    },
  };
});
