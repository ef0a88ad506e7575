/**
 * The log of a system in use is transferred: from PostgreSQL to EventStoreDB beside the same
 * database, then to an empty PostgreSQL. The system is killed in the middle of its work each time.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { startSandbox, type Sandbox } from '../sandbox/server.js';
import {
  startEventStoreDouble,
  type EventStoreDouble,
} from '../infra/event-store/testing/double/double.js';
import { exitOf, repositoryRoot, startChild } from '../testing/child-process.js';
import { clientOf, newTenant, type Client } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { accept, textOf, whenOver, whenSettled } from './testing/executions.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/folders.js';
import { freshDatabase, type FreshDatabase } from '../infra/postgres/testing/fresh-database.js';
import { startReceiver, type Receiver } from '../testing/receiver.js';
import { behave, behaveWell, callsFor } from '../sandbox/testing/behaviour.js';
import { programOf, startSystem, type System } from '../testing/system.js';

const AT_WORK = 5;

describe('log transfer', function () {
  this.timeout(120_000);
  let folder: TemporaryFolder;
  let [old, fresh] = [] as unknown as [FreshDatabase, FreshDatabase];
  let double: EventStoreDouble;
  let sandbox: Sandbox;
  let receiver: Receiver;
  let env: Record<string, string>;
  let system: System;
  const executions: string[] = [];

  before(async function () {
    this.timeout(90_000);
    folder = await temporaryFolder();
    [old, fresh] = [await freshDatabase(), await freshDatabase()];
    double = await startEventStoreDouble({ dir: join(folder.dir, 'double') });
    sandbox = await startSandbox({ port: 0, dir: join(folder.dir) });
    receiver = await startReceiver({ failFirst: 4 });
    env = {
      MODELROUTE_MASTER_KEY: 'm'.repeat(32),
      MODELROUTE_CATALOGUE: await hurriedCatalogue(folder.dir),
      SANDBOX_URL: sandbox.url,
    };
  });
  after(async () => {
    await system?.stop();
    await Promise.all([double?.close(), sandbox?.close(), receiver?.close()]);
    await Promise.all([old?.drop(), fresh?.drop()]);
    await folder?.remove();
  });

  const living = { roles: 'command-api,query-api,processors,projectors,relay' };

  /** Runs a command with the environment of an installation. */
  async function run(installation: Record<string, string>, ...args: string[]) {
    const child = startChild({
      ...programOf({}, ...args),
      env: { ...commandEnv(), ...installation },
    });
    const { code } = await exitOf(child, 60_000);
    return { code, output: child.lines.join('\n') };
  }

  const commandEnv = () => ({ ...env, MODELROUTE_DATA_DIR: join(folder.dir, 'command') });

  async function moved(from: Record<string, string>, to: Record<string, string>, name: string) {
    const archive = join(folder.dir, name);
    const exported = await run(from, 'export', archive, '--json');
    expect(exported.code, exported.output).to.equal(0);
    // A system that was killed counts as living until its leases have run out.
    await eventually(
      `${name} is imported`,
      async () => {
        const { code, output } = await run(to, 'import', archive);
        if (code !== 0 && !/at work on this database/.test(output)) throw new Error(output);
        return code === 0;
      },
      30_000,
    );
    return JSON.parse(exported.output) as { events: number; content_sha256: string };
  }

  /** Begins work that the provider will answer after the installation is gone. */
  async function killedAtWork(api: Client): Promise<void> {
    await behave(sandbox.url, { aurora: { latency: 3_000 }, borealis: { latency: 3_000 } });
    const prompts = Array.from({ length: AT_WORK }, (_, n) => `Box ${executions.length + n}`);
    for (const prompt of prompts) {
      const { id } = await accept(api, textOf(prompt, { webhook_url: receiver.url }));
      executions.push(id);
    }
    const last = executions.slice(-AT_WORK);
    await eventually(
      'all are at the providers',
      async () => {
        const calls = await Promise.all(last.map((id) => callsFor(sandbox.url, id)));
        return calls.every(({ length }) => length > 0);
      },
      15_000,
    );
    await system.kill9();
    await behaveWell(sandbox.url);
  }

  async function allEnds(api: Client): Promise<void> {
    for (const id of executions) {
      await whenOver(api, id, 30_000);
      await whenSettled(api, id);
      const paid = (await callsFor(sandbox.url, id)).filter((call) => call.paid && !call.replayed);
      expect(paid.length, id).to.be.at.most(1);
    }
    const completed = await Promise.all(executions.map((id) => api.execution(id)));
    expect(completed.map(({ body }) => body.status)).to.include('COMPLETED');
  }

  async function nothingIsWrong(installation: Record<string, string>): Promise<void> {
    const record = ['--receiver-record', sandbox.url];
    const { code, output } = await eventually(
      'the deliveries have ended',
      async () => {
        const verified = await run(installation, 'verify', '--settled', '--deep', ...record);
        return verified.code === 0 || !/ I5 /.test(` ${verified.output}`) ? verified : undefined;
      },
      40_000,
    );
    expect(code, output).to.equal(0);
  }

  it('work that was under way goes on, and nothing is done twice', async () => {
    const inPostgres = { ...env, DATABASE_URL: old.url };
    const inEventStore = { ...inPostgres, EVENTSTORE_URL: double.url };
    const inFresh = { ...env, DATABASE_URL: fresh.url };
    system = await startSystem({ ...living, env: inPostgres });
    const { api } = await newTenant(system, '5');
    executions.push((await accept(api, textOf('Before the move'))).id);
    await whenOver(api, executions[0] ?? '');
    await killedAtWork(api);
    await moved(inPostgres, inEventStore, 'first');
    const refused = await run(inPostgres, 'verify');
    expect([refused.code, refused.output]).to.deep.equal([1, refused.output]);
    expect(refused.output).to.match(/belong to a log in EventStoreDB/);

    system = await startSystem({ ...living, env: inEventStore });
    await allEnds(clientOf(system, api.apiKey));
    await nothingIsWrong(inEventStore);
    await killedAtWork(clientOf(system, api.apiKey));
    const second = await moved(inEventStore, inFresh, 'second');

    const third = await run(inFresh, 'export', join(folder.dir, 'third'), '--json');
    const there = JSON.parse(third.output) as typeof second;
    expect(there.content_sha256).to.equal(second.content_sha256);
    system = await startSystem({ ...living, env: inFresh });
    await allEnds(clientOf(system, api.apiKey));
    await nothingIsWrong(inFresh);
  });
});

/** Nobody waits long for a provider that was left in the middle. */
async function hurriedCatalogue(dir: string): Promise<string> {
  const file = parse(await readFile(join(repositoryRoot, 'catalogue.yaml'), 'utf8')) as {
    providers: Record<string, { timeout_ms: number }>;
  };
  for (const provider of Object.values(file.providers)) provider.timeout_ms = 4_000;
  const path = join(dir, 'catalogue.yaml');
  await writeFile(path, stringify(file));
  return path;
}
