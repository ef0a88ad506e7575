/** A whole log of an earlier release goes on under the present code (test/recorded/). */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { freshDatabase, type FreshDatabase } from '../infra/postgres/testing/fresh-database.js';
import { exitOf, repositoryRoot, startChild } from '../testing/child-process.js';
import { clientOf, operate, send, type ExecutionBody } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/folders.js';
import { programOf, startSystem, type System } from '../testing/system.js';
import { accept, textOf, whenOver, whenSettled } from './testing/executions.js';

const ARCHIVE = join(repositoryRoot, 'test/recorded/0.1.0');
/** Under which payloads are stored: the import and the system have data folders of their own. */
const MASTER_KEY = 'm'.repeat(32);
const ORGANIZATION = 'org_ee16835d-5bab-4bda-abe0-37884402dbfb';

describe('the log of an earlier release', function () {
  this.timeout(90_000);
  let database: FreshDatabase;
  let folder: TemporaryFolder;
  let system: System;
  before(async () => {
    [database, folder] = [await freshDatabase(), await temporaryFolder()];
  });
  after(async () => {
    await system?.stop();
    await database?.drop();
    await folder?.remove();
  });

  const shared = () => ({ DATABASE_URL: database.url, MODELROUTE_MASTER_KEY: MASTER_KEY });
  const env = () => ({ ...shared(), MODELROUTE_DATA_DIR: folder.dir });

  const run = async (...args: string[]) => {
    const child = startChild({ ...programOf({}, ...args), env: env() });
    const { code } = await exitOf(child, 60_000);
    expect(code, child.lines.join('\n')).to.equal(0);
  };

  const query = async (text: string, values: unknown[] = []) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query(text, values);
    } finally {
      await client.end();
    }
  };

  const newClient = async () => {
    const path = `/organizations/${ORGANIZATION}/api-keys`;
    return clientOf(system, (await operate<{ key: string }>(system, path, { name: 'new' })).key);
  };

  it('is replayed, gives the same answers, and goes on', async () => {
    await run('import', ARCHIVE);
    system = await startSystem({ env: shared() });
    const api = await newClient();
    const executions = await eventually('all are in the read model', async () => {
      const all = await api.all<ExecutionBody>('/executions');
      return all.length === 7 ? all : undefined;
    });
    expect(executions.map(({ status, cost }) => [status, cost])).to.deep.equal([
      ['EXPIRED', null],
      ['CANCELLED', null],
      ['FAILED', null],
      ['COMPLETED', '0.000098'],
      ['COMPLETED', '0.060'],
      ['COMPLETED', '0.040'],
      ['COMPLETED', '0.000098'],
    ]);
    expect(await api.balance()).to.include({ available: '98.399804', held: '0.000' });
    const { id } = await accept(api, textOf('A new one'));
    await whenOver(api, id);
    await whenSettled(api, id);
    await run('verify', '--settled');
  });

  it('is read past an event of a type that is unknown, with an alarm', async () => {
    await query(
      `INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata)
       SELECT max(position) + 1, 'future-1', 0, $1, 'FutureArrived', '{}', max(metadata)
       FROM eventstore.events`,
      [randomUUID()],
    );
    const api = await newClient();
    const { id } = await accept(api, textOf('Past it'));
    expect((await whenOver(api, id)).status).to.equal('COMPLETED');
    await whenSettled(api, id);
    const alarms = system.messages().filter((line) => line === 'unknown event type skipped');
    expect(alarms).to.have.length(1);
    const headers = { authorization: `Bearer ${system.adminKey}` };
    const metrics = await send(`${system.baseUrl}/metrics`, 'GET', { headers });
    expect(metrics.text).to.match(/^event_store_unknown_total\{type="FutureArrived"\} [1-9]/m);
  });
});
