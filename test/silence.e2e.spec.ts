/** Silence (no answer, no FIN, no RST) under load, in small; `make storm` has the long ones. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { atEnd } from '../testing/at-end.js';
import { newTenant } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { startSystem, type System } from '../testing/system.js';
import { faultsTable } from './cluster/faults-table.js';
import { runFaults } from './cluster/run-faults.js';
import {
  MASTER_KEY,
  silencesOf,
  startBehindProxies,
  type BehindProxies,
} from './storm/silent-parts.js';
import { accept, textOf, whenOver } from './testing/executions.js';

const SILENT_MS = 3_000;
/** Two seconds, and what a busy machine takes. */
const ANSWER_MS_MAX = 3_000;
/** A connection is renewed within 5 s; then what waited, and a retry, may take their time. */
const RECOVERY_MS_MAX = 20_000;
const MOVED_MS_MAX = 10_000;
const seed = process.env['STORM_SEED'] ?? String(Date.now());

describe('a system whose parts fall silent', function () {
  this.timeout(180_000);
  let behind: BehindProxies;
  let other: System;
  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'modelroute-silence-'));
    atEnd(() => rm(folder, { recursive: true, force: true }));
    behind = await startBehindProxies(folder, { services: [] });
  });
  after(async () => {
    expect(await other?.stop()).to.equal(0);
    expect(await behind.system.stop()).to.equal(0);
  });

  it('loses nothing, does nothing twice, and answers in time', async () => {
    const { system, proxies, receiver, receiverUrl } = behind;
    console.log(`      STORM_SEED=${seed}`);
    const faults = silencesOf(proxies, SILENT_MS).filter(({ name }) => !/receiver/.test(name));
    const report = await runFaults(system, {
      seed,
      faults,
      receiver,
      receiverUrl,
      executions: 100,
      lanes: 6,
      pauseMs: [50, 200],
      calmMs: 1_000,
      isAlone: true,
      onStruck: () => undefined,
    });
    console.log(faultsTable(report).replaceAll(/^/gm, '      '));
    expect(report.findings.slice(0, 50)).to.deep.equal([]);
    expect(report.verify.code, report.verify.output).to.equal(0);
    for (const { fault, recoveredInMs, slowestMs } of report.struck) {
      expect(recoveredInMs, fault).to.be.lessThan(RECOVERY_MS_MAX);
      expect(slowestMs, fault).to.be.lessThan(ANSWER_MS_MAX);
    }
  });

  it('names what is silent, and its leased work moves to another process', async () => {
    const { system, proxies, databaseUrl } = behind;
    const proxy = proxies.get('postgresql');
    if (!proxy) throw new Error('there is no proxy before PostgreSQL');
    const { sandboxUrl } = system;
    other = await startSystem({
      roles: 'command-api,query-api,processors,projectors',
      env: {
        DATABASE_URL: databaseUrl,
        SANDBOX_URL: sandboxUrl,
        MODELROUTE_MASTER_KEY: MASTER_KEY,
      },
    });
    const { api } = await newTenant(other);
    proxy.mode = 'silent';
    const from = performance.now();
    try {
      const { id } = await accept(api, textOf('Who does it now?'));
      await whenOver(api, id, 30_000);
      expect(performance.now() - from).to.be.lessThan(MOVED_MS_MAX);
      const readiness = await fetch(`${system.baseUrl}/readyz`);
      expect(await readiness.json()).to.deep.include({ status: 'unready' });
    } finally {
      proxy.mode = 'through';
    }
    const isReady = async () => (await fetch(`${system.baseUrl}/readyz`)).status === 200;
    await eventually('it is ready again', isReady);
  });

  it('ends in time when it is told to stop in silence', async () => {
    const { system, proxies } = behind;
    const proxy = proxies.get('postgresql');
    if (proxy) proxy.mode = 'silent';
    const from = performance.now();
    expect(await system.stop()).to.equal(0);
    expect(performance.now() - from).to.be.lessThan(10_000);
    // A start that meets the silence is ended at once: there is nothing in flight.
    system.spawn();
    const isAsking = () =>
      system.messages().some((message) => message.startsWith('the sandbox provider listens'));
    await eventually('it asks the database', isAsking, 30_000);
    const askedAtMs = performance.now();
    expect(await system.stop()).to.equal(0);
    expect(performance.now() - askedAtMs).to.be.lessThan(4_000);
    expect(system.messages().at(-1)).to.equal('stopped before it was ready');
    if (proxy) proxy.mode = 'through';
    await system.restart();
  });
});
