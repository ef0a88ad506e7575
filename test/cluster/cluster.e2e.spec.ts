/** A whole cluster on this machine, in small; `make storm` has the big numbers. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { atEnd } from '../../testing/at-end.js';
import { clientOf, newTenant, type ExecutionBody } from '../../testing/client.js';
import { firstMinute } from '../testing/first-minute.js';
import { behaveWell } from '../../sandbox/testing/behaviour.js';
import { writeStormCatalogue } from '../storm/catalogue.js';
import { eraseSome } from './erasing.js';
import { faultsTable, struckLine } from './faults-table.js';
import { faultsOf } from './faults.js';
import { clusterInSuite } from './in-suite.js';
import { rollingRestart } from './rolling.js';
import { runFaults } from './run-faults.js';

/** Where it stands; how soon, the storm judges on a machine that does nothing else. */
const RECOVERY_MS_MAX = 90_000;
/** Two dozen processes share the cores of a small machine with whatever else it does. */
const START_MS_MAX = 45_000;
const seed = process.env['STORM_SEED'] ?? String(Date.now());

describe('a cluster', function () {
  this.timeout(60_000);
  const system = clusterInSuite(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'modelroute-cluster-'));
    atEnd(() => rm(folder, { recursive: true, force: true }));
    return { MODELROUTE_DEMO: '1', MODELROUTE_CATALOGUE: await writeStormCatalogue(folder) };
  });

  const environmentFile = () => join(system().dataDir, 'environment');

  describe('starting for the first time', () => {
    firstMinute(system, START_MS_MAX);

    it('lets commands find it by its data folder, while it runs', async function () {
      this.timeout(120_000);
      expect((await stat(environmentFile())).mode & 0o777).to.equal(0o600);
      const { api_key: apiKey } = await system().credentials();
      const [execution] = await clientOf(system(), apiKey).all<ExecutionBody>('/executions');
      const commands = [
        ['executions', 'show', execution?.id ?? ''],
        ['events', 'tail'],
        ['orgs', 'list'],
        ['verify'],
      ];
      for (const command of commands) {
        const { code, output } = await system().command(...command);
        expect(code, `${command.join(' ')}: ${output}`).to.equal(0);
      }
    });
  });

  describe('in bad weather', () => {
    it('loses nothing and does nothing twice, whatever breaks in turn', async function () {
      this.timeout(400_000);
      console.log(`      STORM_SEED=${seed}`);
      const times = { brokerMs: 3_000, filesMs: 2_000, frozenMs: 3_000 };
      const faults = faultsOf(system(), times).filter(({ name }) => !/-[23]$/.test(name));
      const report = await runFaults(system(), {
        seed,
        faults,
        executions: 100,
        lanes: 3,
        pauseMs: [200, 500],
        calmMs: 300,
        isAlone: false,
        onStruck: (struck) => console.log(`      ${struckLine(struck)}`),
      });
      console.log(faultsTable(report).replaceAll(/^/gm, '      '));
      expect(report.findings.slice(0, 50)).to.deep.equal([]);
      expect(report.verify.code, report.verify.output).to.equal(0);
      const slow = report.struck.filter(({ recoveredInMs }) => recoveredInMs > RECOVERY_MS_MAX);
      expect(slow).to.deep.equal([]);
    });
  });

  describe('at work', () => {
    it('has its APIs replaced without a request that a retry does not cure', async function () {
      this.timeout(120_000);
      await behaveWell(system().sandboxUrl);
      const tenants = await Promise.all([newTenant(system()), newTenant(system())]);
      const parts = ['command-api-1', 'query-api-1', 'processors-1'];
      const report = await rollingRestart(system(), { perSecond: 10, parts, tenants });
      const { sent, cured, failed, slowestMs } = report;
      console.log(`      ${sent} sent, ${cured.length} cured, slowest ${slowestMs} ms`);
      expect(failed).to.deep.equal([]);
    });

    it('erases contents, and log, ledger, proofs and read models hold', async function () {
      this.timeout(180_000);
      await eraseSome(system());
    });
  });

  describe('stopped', () => {
    it('is not found by commands any more', async () => {
      expect(existsSync(environmentFile())).to.equal(true);
      expect(await system().stop()).to.equal(0);
      expect(existsSync(environmentFile())).to.equal(false);
    });
  });
});
