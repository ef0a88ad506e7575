import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { eventually } from '../../testing/eventually.js';
import { temporaryFolder } from '../../testing/folders.js';
import { freshDatabase } from '../postgres/testing/fresh-database.js';
import { eventStoreMigrations, processingMigrations } from '../migrations/all.js';
import { openPostgresEventStore } from '../event-store/postgres/postgres.js';
import { migrate } from '../postgres/migrate.js';
import { openPool } from '../postgres/pool.js';
import { openPostgresCheckpoints } from '../checkpoints/postgres.js';
import { append, executionStream } from './testing/contract-kit.js';
import { eventBusContract } from './testing/contract.js';
import { openMortalBus } from './testing/in-process-harness.js';

const log = pino({ level: 'silent' });

async function open() {
  const database = await freshDatabase();
  const { url } = database;
  const pool = openPool(url, { max: 4, applicationName: 'modelroute-spec', log });
  await migrate(pool, [...eventStoreMigrations, ...processingMigrations]);
  const store = openPostgresEventStore({ url, log });
  const checkpoints = openPostgresCheckpoints({ pool });
  const close = async () => {
    await store.close();
    await pool.end();
    await database.drop();
  };
  return { url, store, checkpoints, close };
}

eventBusContract('in process, postgres', async () => {
  const { store, checkpoints, close } = await open();
  return { store, open: async () => openMortalBus({ store, checkpoints, log }), close };
});

describe('the bus in process, killed with -9', function () {
  this.timeout(60_000);

  const CHILD = fileURLToPath(new URL('./testing/in-process-child.ts', import.meta.url));
  const STREAMS = 60;
  const REVISIONS = 10;

  it('has handled everything in the end, each stream in order', async () => {
    const { url, store, checkpoints, close } = await open();
    const folder = await temporaryFolder();
    const handledFile = join(folder.dir, 'handled');
    await writeFile(handledFile, '');
    const handled = async () => (await readFile(handledFile, 'utf8')).split('\n').filter(Boolean);
    const start = () => {
      const args = ['--import', 'tsx', CHILD, url, handledFile, 'the-only-one'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      const exited = once(child, 'exit');
      return {
        kill: async () => {
          child.kill('SIGKILL');
          await exited;
        },
      };
    };
    const facts = Array<'ExecutionExpired'>(REVISIONS).fill('ExecutionExpired');
    const streams = Array.from({ length: STREAMS }, executionStream);
    await Promise.all(streams.map((stream) => append(store, stream, facts)));

    for (const enough of [50, 300]) {
      const child = start();
      try {
        const many = async () => (await handled()).length >= enough;
        await eventually(`${enough} were handled`, many, 20_000);
      } finally {
        await child.kill();
      }
    }
    const last = start();
    try {
      const head = await store.head();
      const through = async () => (await checkpoints.read('killed')) === head;
      await eventually('the group is through', through, 20_000);
    } finally {
      await last.kill();
    }

    const firsts = [...new Set(await handled())];
    for (const stream of streams) {
      const inOrder = facts.map((_, revision) => `${stream}@${revision}`);
      expect(firsts.filter((key) => key.startsWith(stream))).to.deep.equal(inOrder);
    }
    await folder.remove();
    await close();
  });
});
