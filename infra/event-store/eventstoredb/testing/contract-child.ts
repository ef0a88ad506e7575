/** A child process of the contract suite: `contract-child.ts <url> <database url> <origin>`. */
import { serveContract } from '../../testing/contract/process.js';
import { openEventStoreDb } from '../eventstoredb.js';
import { behind } from './origin-harness.js';

const [url = '', databaseUrl = '', origin = '-1'] = process.argv.slice(2);
const log = { warn: () => undefined, error: () => undefined };
await serveContract(async () =>
  behind(BigInt(origin), openEventStoreDb({ url, databaseUrl, log })),
);
