/** The system under test: started as an operator starts it, prepared through its own admin API. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { startServer, type Server } from './children.js';
import type { Databases } from './database.js';
import { SHIPPED_NODE_ARGS } from '../testing/node-args.js';

interface ModelRoute extends Server {
  readonly adminKey: string;
  readonly logFile: string;
}

interface ModelRouteOptions {
  readonly databases: Databases;
  readonly databaseUrl: string;
  readonly roles: readonly string[];
  readonly sandboxUrl?: string;
  readonly nodeArgs?: readonly string[];
  /** The parts that it uses instead of the embedded ones. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Everything but the sandbox, which has a process of its own. */
export const WORKING_ROLES = ['command-api', 'query-api', 'processors', 'projectors', 'relay'];

export const CLI = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const READY = /ModelRoute is ready on (http:\/\/127\.0\.0\.1:\d+)/;
const adminKey = `bench-${randomBytes(16).toString('hex')}`;
/** Of every system that is measured, and of who verifies what it left behind. */
export const MASTER_KEY = randomBytes(32).toString('hex');

/** With every default of production, its log at its usual level included. */
export async function startModelRoute(options: ModelRouteOptions): Promise<ModelRoute> {
  const { databases, databaseUrl, roles, sandboxUrl, nodeArgs = [], env = {} } = options;
  const dataDir = await databases.folder('modelroute');
  const logFile = join(dataDir, 'modelroute.log');
  const server = await startServer(process.execPath, {
    args: [...SHIPPED_NODE_ARGS, ...nodeArgs, CLI, 'serve'],
    logFile,
    ready: READY,
    env: {
      PORT: '0',
      MODELROUTE_DATA_DIR: dataDir,
      MODELROUTE_ROLES: roles.join(','),
      MODELROUTE_DEMO: '0',
      MODELROUTE_RATE_LIMIT_PER_MINUTE: '0',
      MODELROUTE_ADMIN_KEY: adminKey,
      MODELROUTE_MASTER_KEY: MASTER_KEY,
      DATABASE_URL: databaseUrl,
      // Roles without processors never call it, but the catalogue needs an address.
      SANDBOX_URL: sandboxUrl ?? 'http://127.0.0.1:9',
      EVENTSTORE_URL: '',
      KAFKA_BROKERS: '',
      S3_ENDPOINT: '',
      ...env,
    },
  });
  return { ...server, adminKey, logFile };
}

export interface Tenant {
  readonly organizationId: string;
  readonly apiKey: string;
}

const SETUP_CONNECTIONS = 32;

/** Organizations with a key each and more money than any run can spend. */
export async function createTenants(
  at: Pick<ModelRoute, 'url' | 'adminKey'>,
  count: number,
): Promise<Tenant[]> {
  const pool = new Pool(at.url, { connections: SETUP_CONNECTIONS, pipelining: 1 });
  const tenants: Tenant[] = [];
  let begun = 0;
  async function worker(): Promise<void> {
    while (begun < count) tenants.push(await createTenant(pool, at.adminKey, begun++));
  }
  await Promise.all(Array.from({ length: Math.min(SETUP_CONNECTIONS, count) }, worker));
  await pool.close();
  return tenants;
}

async function createTenant(pool: Pool, key: string, n: number): Promise<Tenant> {
  const post = async <T>(path: string, body: object): Promise<T> => {
    const answer = await pool.request({
      method: 'POST',
      path: `/admin/v1${path}`,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (answer.statusCode < 300) return (await answer.body.json()) as T;
    throw new Error(`POST ${path}: ${answer.statusCode} ${await answer.body.text()}`);
  };
  const { id } = await post<{ id: string }>('/organizations', { name: `Bench ${n}` });
  const created = await post<{ key: string }>(`/organizations/${id}/api-keys`, { name: 'bench' });
  const topUp = { amount: '1000000.00', idempotency_key: 'bench' };
  await post(`/organizations/${id}/top-ups`, topUp);
  return { organizationId: id, apiKey: created.key };
}
