/** Uses a store, closes it and has nothing left to do: `closing-child.ts <url> <database url>`. */
import { created, followed, land, newStream } from '../../testing/contract/kit.js';
import { START } from '../../port.js';
import { openEventStoreDb } from '../eventstoredb.js';

const [url = '', databaseUrl = ''] = process.argv.slice(2);
const log = { warn: () => undefined, error: () => undefined };
const store = openEventStoreDb({ url, databaseUrl, log });
await land(store, newStream(), created());
followed(store, START);
await store.head();
await store.close();
process.send?.('closed', () => process.disconnect());
