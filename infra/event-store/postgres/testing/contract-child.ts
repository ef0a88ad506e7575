/** A child process of the contract suite: `contract-child.ts <url>`. */
import { serveContract } from '../../testing/contract/process.js';
import { openPostgresEventStore } from '../postgres.js';

const [url = ''] = process.argv.slice(2);
const log = { warn: () => undefined, error: () => undefined };
await serveContract(async () => openPostgresEventStore({ url, log }));
