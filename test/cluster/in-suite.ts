/** One running cluster for a `describe`; where there can be none, the reason why. */
import { startSystem, type System } from '../../testing/system.js';
import { skipOutsideCi } from '../../testing/skip.js';

const FIRST_START_MS = 320_000;
const STOP_MS = 30_000;
const LOG_LINES_SHOWN = 60;

type Environment = Readonly<Record<string, string>>;

export function clusterInSuite(environment: () => Promise<Environment>): () => System {
  let system: System | undefined;
  before(async function () {
    this.timeout(FIRST_START_MS);
    const cluster = process.env['MODELROUTE_CLUSTER'] ?? 'full';
    try {
      system = await startSystem({ cluster, env: await environment() });
    } catch (error) {
      const reason = reasonIn(error);
      if (!reason) throw error;
      skipOutsideCi(this, reason);
    }
  });
  after(async function () {
    this.timeout(STOP_MS);
    const code = await system?.stop();
    if (system && code !== 0) throw new Error(`the cluster ended with ${code}`);
  });
  afterEach(function () {
    if (this.currentTest?.state !== 'failed' || !system) return;
    console.log(`    ${system.lines().slice(-LOG_LINES_SHOWN).join('\n    ')}`);
  });
  return () => {
    if (!system) throw new Error('The cluster is started before the first spec.');
    return system;
  };
}

/** The sentence of a start that lacks Maven, Java or Go. */
const reasonIn = (error: unknown): string | undefined =>
  /^.*MODELROUTE_CLUSTER=postgres runs.*$/m.exec(String(error))?.[0];
