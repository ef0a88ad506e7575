/** F17: the database is dumped and restored into a new cluster, and work goes on there. */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import pg from 'pg';
import {
  machinePrograms,
  startOtherServer,
  type OtherServer,
} from '../infra/postgres/testing/other-server.js';
import { startSandbox, type Sandbox } from '../sandbox/server.js';
import { behave, behaveWell, callsFor } from '../sandbox/testing/behaviour.js';
import { clientOf, newTenant } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/folders.js';
import { startReceiver, type Receiver } from '../testing/receiver.js';
import { skip } from '../testing/skip.js';
import { startSystem, type System } from '../testing/system.js';
import { writeStormCatalogue } from './storm/catalogue.js';
import { accept, textOf, whenOver, whenSettled } from './testing/executions.js';

const OVER = 8;
const AT_WORK = 4;
/** So far the old cluster's transactions are ahead of those of the new one. */
const TRANSACTIONS = 20_000;

describe('a database that is dumped and restored into a new cluster', function () {
  this.timeout(120_000);
  const servers: OtherServer[] = [];
  let bin: string;
  let folder: TemporaryFolder;
  let catalogue: string;
  let sandbox: Sandbox;
  let receiver: Receiver;
  before(async function () {
    const programs = await machinePrograms();
    if ('reason' in programs) return skip(this, programs.reason);
    bin = dirname(programs.postgres);
    folder = await temporaryFolder();
    catalogue = await writeStormCatalogue(folder.dir);
    for (let n = 0; n < 2; n += 1) servers.push(await startOtherServer(programs));
    sandbox = await startSandbox({ port: 0, dir: join(folder.dir, 'sandbox') });
    receiver = await startReceiver();
  });
  after(async () => {
    for (const server of servers) await server.stop();
    await Promise.all([sandbox?.close(), receiver?.close()]);
    await folder?.remove();
  });

  const start = (server: OtherServer | undefined): Promise<System> =>
    startSystem({
      roles: 'command-api,query-api,processors,projectors',
      dataDir: join(folder.dir, 'data'),
      env: {
        DATABASE_URL: server?.url ?? '',
        MODELROUTE_MASTER_KEY: 'm'.repeat(32),
        SANDBOX_URL: sandbox.url,
        MODELROUTE_CATALOGUE: catalogue,
      },
    });

  /** How often each event was told, by its id. */
  const tellings = () => {
    const counts = new Map<string, number>();
    for (const { headers } of receiver.told) {
      const id = String(headers['webhook-id']);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  };

  it('goes on without loss, and repeats nothing', async () => {
    const [from, to] = servers;
    const old = await start(from);
    const { api } = await newTenant(old);
    const submit = async (prompt: string) =>
      (await accept(api, textOf(prompt, { webhook_url: receiver.url }))).id;
    const over = await Promise.all(Array.from({ length: OVER }, (_, n) => submit(`Done ${n}`)));
    for (const id of over) {
      await whenOver(api, id);
      await whenSettled(api, id);
    }
    // Each is told of its start and its completion.
    await eventually('all webhooks came', () => receiver.told.length === 2 * OVER, 15_000);
    await behave(sandbox.url, { aurora: { latency: 1_500 }, borealis: { latency: 1_500 } });
    const atWork = await Promise.all(
      Array.from({ length: AT_WORK }, (_, n) => submit(`At work ${n}`)),
    );
    await eventually('all are at the provider', async () => {
      const calls = await Promise.all(atWork.map((id) => callsFor(sandbox.url, id)));
      return calls.every(({ length }) => length > 0);
    });
    await old.kill9();
    await behaveWell(sandbox.url);

    await spendTransactions(from);
    await dumpAndRestore(bin, from, to, join(folder.dir, 'dump'));
    await from?.stop();
    servers.shift();

    const fresh = await start(to);
    const now = clientOf(fresh, api.apiKey);
    const later = (await accept(now, textOf('Later', { webhook_url: receiver.url }))).id;
    for (const id of [...over, ...atWork, later]) {
      await whenOver(now, id, 60_000);
      await whenSettled(now, id);
      const calls = await callsFor(sandbox.url, id);
      expect(calls.filter(({ paid, replayed }) => paid && !replayed).length).to.be.at.most(1);
    }
    expect((await now.execution(later)).body.status).to.equal('COMPLETED');
    await eventually('the last webhook came', () =>
      receiver.told.some(({ raw }) => raw.includes(later) && raw.includes('execution.completed')),
    );
    const bodies = new Map(
      receiver.told.map(({ headers, raw }) => [String(headers['webhook-id']), raw]),
    );
    const repeated = [...tellings()].filter(([, times]) => times > 1).map(([id]) => bodies.get(id));
    const ofOver = repeated.filter((raw) => over.some((id) => raw?.includes(id)));
    expect(ofOver).to.deep.equal([]);
    const { code, output } = await fresh.command('verify', '--settled');
    expect(code, output).to.equal(0);
    expect(await fresh.stop()).to.equal(0);
  });
});

async function spendTransactions(server: OtherServer | undefined): Promise<void> {
  const client = new pg.Client({ connectionString: server?.url });
  await client.connect();
  await client.query(`DO $$ BEGIN
    FOR n IN 1..${TRANSACTIONS} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP;
  END $$`);
  await client.end();
}

async function dumpAndRestore(
  bin: string,
  from: OtherServer | undefined,
  to: OtherServer | undefined,
  file: string,
): Promise<void> {
  const run = promisify(execFile);
  await run(join(bin, 'pg_dump'), ['--format=custom', `--file=${file}`, from?.url ?? '']);
  await run(join(bin, 'pg_restore'), ['--exit-on-error', `--dbname=${to?.url}`, file]);
}
