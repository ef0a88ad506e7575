/** A process that runs one group until it is killed; it writes a line for all that it handled. */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { openPostgresEventStore } from '../../event-store/postgres/postgres.js';
import { openPostgresLeases } from '../../leases/postgres.js';
import { openPool } from '../../postgres/pool.js';
import { openPostgresCheckpoints } from '../../checkpoints/postgres.js';
import { groupNamed, keyOf } from './contract-kit.js';
import { openInProcessBus } from '../in-process.js';

const [url = '', handledFile = '', holder = ''] = process.argv.slice(2);
const log = pino({ level: 'silent' });
const pool = openPool(url, { max: 4, applicationName: 'modelroute-spec', log });
const bus = openInProcessBus({
  store: openPostgresEventStore({ url, log }),
  checkpoints: openPostgresCheckpoints({ pool }),
  lease: { leases: openPostgresLeases({ pool }), holder },
  log,
});
const handle = async (notification: Parameters<typeof keyOf>[0]) => {
  await sleep(5);
  appendFileSync(handledFile, `${keyOf(notification)}\n`);
  return 'handled';
};
await bus.run({ ...groupNamed('killed'), handle }, new AbortController().signal);
