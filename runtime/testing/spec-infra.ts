/**
 * The whole infrastructure in one process, for specs of apps: a database of its own, a sandbox,
 * the bundled catalogue in a hurry, a clock that can be put forward.
 */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { parse, stringify } from 'yaml';
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import { configFrom } from '../../infra/config/config.js';
import type { Infra } from '../infra.js';
import type { Worker } from '../../infra/worker.js';
import { openInfra } from '../open-infra.js';
import { startSandbox, type Sandbox } from '../../sandbox/server.js';
import { repositoryRoot } from '../../testing/child-process.js';
import { temporaryFolder } from '../../testing/folders.js';
import { freshDatabase } from '../../infra/postgres/testing/fresh-database.js';
import { behaveWell } from '../../sandbox/testing/behaviour.js';

export interface SpecInfra {
  readonly infra: Infra;
  readonly sandbox: Sandbox;
  readonly databaseUrl: string;
  readonly clock: { aheadMs: number };
  /** What was logged, at every level. */
  readonly logged: LogLine[];
  /** The same database and clock, another process: its own store, accounts, bus and leases. */
  another(): Promise<OtherInfra>;
  editCatalogue(edit: (file: CatalogueFile) => void): Promise<void>;
  /** Runs until the answer is called, which resolves when all have returned. */
  run(workers: readonly Worker[]): () => Promise<void>;
  close(): Promise<void>;
}

export interface OtherInfra {
  readonly infra: Infra;
  close(): Promise<void>;
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

interface ProviderEntry {
  base_url: string;
  timeout_ms: number;
  bulkhead: number;
  breaker: Record<string, number>;
}

interface ModelEntry {
  attempts_max: number;
  max_wait_seconds?: number;
  unknown_max_cost?: string;
  routes: { provider: string; provider_model: string; capabilities?: Capabilities }[];
}

export interface CatalogueFile {
  readonly providers: Record<string, ProviderEntry>;
  readonly models: Record<string, ModelEntry>;
}

type Edit = (file: CatalogueFile) => void;

/** Long enough for a busy machine, short enough to be waited for. */
export const CALL_TIMEOUT_MS = 1_500;

/** `env` names what lies elsewhere: EVENTSTORE_URL and so on. */
export async function openSpecInfra(
  edit: Edit = () => undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<SpecInfra> {
  const folder = await temporaryFolder();
  const database = await freshDatabase();
  const sandbox = await startSandbox({ port: 0, dir: join(folder.dir, 'sandbox') });
  const catalogue = await catalogueIn(folder.dir, edit);
  const clock = { aheadMs: 0 };
  const logged: LogLine[] = [];
  const write = (line: string) => void logged.push(JSON.parse(line) as LogLine);
  const log = pino({ level: 'debug', base: null }, { write });
  const open = async (): Promise<OtherInfra> => {
    const opened = await openInfra({
      config: configFrom({
        MODELROUTE_DATA_DIR: folder.dir,
        MODELROUTE_CATALOGUE: catalogue.path,
        MODELROUTE_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8',
        ...env,
      }),
      log,
      databaseUrl: database.url,
      migrationsUrl: database.url,
      sandboxUrl: sandbox.url,
      sole: false,
      masterKey: 'a-master-key-of-a-spec-32-characters',
      checkpointKey: 'a-checkpoint-key-of-a-spec-32-characters',
      instance: randomUUID(),
    });
    const now = () => Date.now() + clock.aheadMs;
    return { infra: { ...opened.infra, now }, close: () => opened.close() };
  };
  const own = await open();
  const others: OtherInfra[] = [];
  await behaveWell(sandbox.url);
  return {
    infra: own.infra,
    sandbox,
    databaseUrl: database.url,
    clock,
    logged,
    run,
    async another() {
      const other = await open();
      others.push(other);
      return other;
    },
    editCatalogue: (change) => catalogue.edit(change, own.infra),
    async close() {
      await Promise.all([own, ...others].map((one) => one.close()));
      await sandbox.close();
      await database.drop();
      await folder.remove();
    },
  };
}

async function catalogueIn(dir: string, edit: Edit) {
  const path = join(dir, 'catalogue.yaml');
  const file = parse(
    await readFile(join(repositoryRoot, 'catalogue.yaml'), 'utf8'),
  ) as CatalogueFile;
  for (const provider of Object.values(file.providers)) provider.timeout_ms = CALL_TIMEOUT_MS;
  edit(file);
  await writeFile(path, stringify(file));
  return {
    path,
    async edit(change: Edit, { catalogue }: Infra) {
      change(file);
      const changed = new Promise<void>((resolve) => {
        const end = catalogue.onChange(() => {
          end();
          resolve();
        });
      });
      await writeFile(path, stringify(file));
      await changed;
    },
  };
}

function run(workers: readonly Worker[]): () => Promise<void> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // several for each worker
  const running = Promise.all(workers.map((worker) => worker.run(stop.signal)));
  // A worker that fails is found when the spec ends its work.
  running.catch(() => undefined);
  return async () => {
    stop.abort();
    await running;
  };
}
