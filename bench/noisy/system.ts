/** The system under test with its two tenants: one process, or a whole cluster. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'undici';
import { repositoryRoot } from '../../testing/child-process.js';
import { freePort } from '../../testing/free-port.js';
import { clusterEnvironment } from '../../testing/system.js';
import { audit } from '../audit.js';
import type { Bench } from '../cell.js';
import { startSandboxPart } from '../cells/sandbox.js';
import { startServer } from '../children.js';
import { usedMs } from '../cpu-times.js';
import type { Defer } from '../defer.js';
import { createTenants, startModelRoute, WORKING_ROLES, type Tenant } from '../modelroute.js';
import { writeNoisyCatalogue } from './catalogue.js';

export interface NoisySystem {
  readonly url: string;
  readonly databaseUrl: string;
  readonly noisy: Tenant;
  readonly quiet: Tenant;
  /** Of the one process; undefined for a cluster, whose processes share the machine. */
  readonly process: ProcessFigures | undefined;
  /** How long the slow model's provider takes. */
  slowness(ms: number): Promise<void>;
  /** What `modelroute verify` finds. */
  audit(): Promise<string[]>;
}

export interface ProcessFigures {
  rssBytes(): Promise<number>;
  /** The most so far. */
  peakBytes(): Promise<number>;
  cpuMs(): Promise<number>;
}

const LOOPBACK = '127.0.0.0/8';

export async function startNoisySystem(bench: Bench, defer: Defer): Promise<NoisySystem> {
  const { databases, settings } = bench;
  const catalogue = await writeNoisyCatalogue(await databases.folder('noisy'));
  const env = {
    MODELROUTE_RATE_LIMIT_PER_MINUTE: '0',
    MODELROUTE_CATALOGUE: catalogue,
    MODELROUTE_ALLOW_PRIVATE_NETWORKS: LOOPBACK,
  };
  const started =
    settings.cluster === undefined
      ? await oneProcess(bench, env, defer)
      : await cluster(bench, { ...env, MODELROUTE_CLUSTER: settings.cluster }, defer);
  const [noisy, quiet] = await createTenants(started, 2);
  if (!noisy || !quiet) throw new Error('two tenants were asked for');
  return { ...started, noisy, quiet, slowness: (ms) => behave(started.sandboxUrl, ms) };
}

type Started = Omit<NoisySystem, 'noisy' | 'quiet' | 'slowness'> & {
  readonly sandboxUrl: string;
  readonly adminKey: string;
};

type Env = Readonly<Record<string, string>>;

async function oneProcess(bench: Bench, env: Env, defer: Defer): Promise<Started> {
  const { databases } = bench;
  const sandboxUrl = await startSandboxPart(bench, defer);
  const databaseUrl = await databases.fresh('noisy');
  defer(() => databases.drop(databaseUrl));
  const roles = WORKING_ROLES;
  const system = await startModelRoute({ databases, databaseUrl, roles, sandboxUrl, env });
  defer(() => system.stop());
  return {
    url: system.url,
    adminKey: system.adminKey,
    databaseUrl,
    sandboxUrl,
    process: figuresOf(system.pid),
    audit: () => audit({ databases, databaseUrl, settled: true, sandboxUrl }),
  };
}

/** What it runs on may have to be fetched first. */
const CLUSTER_READY_MS = 300_000;

async function cluster({ databases }: Bench, env: Env, defer: Defer): Promise<Started> {
  const dataDir = await databases.folder('cluster');
  const adminKey = `bench-${randomBytes(16).toString('hex')}`;
  const sandboxPort = await freePort();
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const system = await startServer(process.execPath, {
    args: ['--import', 'tsx', join(repositoryRoot, 'test/cluster/main.ts')],
    logFile: join(dataDir, 'cluster.log'),
    ready: /ModelRoute is ready on (http:\/\/127\.0\.0\.1:\d+)/,
    readyMs: CLUSTER_READY_MS,
    env: {
      ...env,
      PORT: '0',
      MODELROUTE_TEST_BUILT: '1',
      MODELROUTE_DATA_DIR: dataDir,
      MODELROUTE_DEMO: '0',
      MODELROUTE_ADMIN_KEY: adminKey,
      MODELROUTE_SANDBOX_PORT: `${sandboxPort}`,
    },
  });
  defer(() => system.stop());
  const variables = await clusterEnvironment(dataDir);
  const databaseUrl = variables['DATABASE_URL'] ?? '';
  return {
    url: system.url,
    adminKey,
    databaseUrl,
    sandboxUrl,
    process: undefined,
    audit: () => audit({ databases, databaseUrl, settled: true, sandboxUrl, env: variables }),
  };
}

async function behave(sandboxUrl: string, slowMs: number): Promise<void> {
  const client = new Client(sandboxUrl);
  const answer = await client.request({
    method: 'PUT',
    path: '/_sandbox/behaviour',
    body: JSON.stringify({ aurora: { latency: 0 }, borealis: { latency: slowMs } }),
  });
  if (answer.statusCode !== 200) throw new Error(await answer.body.text());
  await answer.body.dump();
  await client.close();
}

function figuresOf(pid: number): ProcessFigures {
  const status = async (field: string) => {
    const text = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? NaN) * 1024;
  };
  return {
    rssBytes: () => status('VmRSS'),
    peakBytes: () => status('VmHWM'),
    cpuMs: () => usedMs(pid),
  };
}
