/**
 * Restate as an operator starts it on one node: its own defaults, which fsync the write-ahead log
 * of its log server before an invocation is acknowledged, and one service registered with it.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RestateServiceAsk, RestateServiceConfig } from './baselines/restate-service.js';
import type { Bench } from './cell.js';
import { startPart, startServer } from './children.js';
import type { Defer } from './defer.js';
import { CLIENTS } from './settings.js';
import { freePort } from '../testing/free-port.js';
import { installedRestate } from './restate-install.js';

export interface Restate {
  /** Where invocations are submitted. */
  readonly ingress: string;
  readonly version: string;
  /** Resolves once so many handlers have returned since it was started. */
  returned(count: number): Promise<void>;
  /** Invocations that have ended and whose result is stored. */
  completed(): Promise<number>;
}

const REGISTER_DEADLINE_MS = 30_000;

export async function startRestate(
  { databases }: Bench,
  sandboxUrl: string,
  defer: Defer,
): Promise<Restate> {
  const program = await installedRestate();
  const folder = await databases.folder('restate');
  const [ingress, admin, node] = await Promise.all([freePort(), freePort(), freePort()]);
  const server = await startServer(program.server, {
    args: [],
    logFile: join(folder, 'restate.log'),
    ready: /roles \[.*\] were (started)/,
    env: {
      RESTATE_BASE_DIR: join(folder, 'data'),
      RESTATE_BIND_IP: '127.0.0.1',
      RESTATE_LISTEN_MODE: 'tcp',
      RESTATE_BIND_PORT: String(node),
      RESTATE_INGRESS__BIND_PORT: String(ingress),
      RESTATE_ADMIN__BIND_PORT: String(admin),
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_DISABLE_ANSI_CODES: 'true',
      RUST_BACKTRACE: '0',
    },
  });
  defer(() => server.stop());
  const service = await startPart<string, RestateServiceAsk, null>('baselines/restate-service.js', {
    sdk: program.sdk,
    sandboxUrl,
    concurrency: CLIENTS,
    providerModel: 'aurora-text-1',
  } satisfies RestateServiceConfig);
  defer(() => service.stop());
  const adminUrl = `http://127.0.0.1:${admin}`;
  await register(adminUrl, service.ready);
  return {
    ingress: `http://127.0.0.1:${ingress}`,
    version: program.version,
    returned: async (count) => void (await service.ask({ returned: count })),
    completed: () => completedInvocations(adminUrl),
  };
}

async function register(admin: string, uri: string): Promise<void> {
  const deadline = performance.now() + REGISTER_DEADLINE_MS;
  for (;;) {
    const said = await post(`${admin}/deployments`, { uri }).catch((error: Error) => error);
    if (!(said instanceof Error)) return;
    if (performance.now() > deadline) throw said;
    await pause(100);
  }
}

async function completedInvocations(admin: string): Promise<number> {
  const sql = `SELECT count(1) AS n FROM sys_invocation WHERE status = 'completed'`;
  const { rows } = await post<{ rows: { n: number }[] }>(`${admin}/query`, { query: sql });
  return rows[0]?.n ?? 0;
}

async function post<T>(url: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
