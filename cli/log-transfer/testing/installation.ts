/** Installations to transfer a log between: a database, an event store, and their object stores. */
import { pino } from 'pino';
import type { Pool } from 'pg';
import { openEventStoreDb } from '../../../infra/event-store/eventstoredb/eventstoredb.js';
import type { StoreKind } from '../../../infra/event-store/identity.js';
import { openPostgresEventStore } from '../../../infra/event-store/postgres/postgres.js';
import { START, type AppendUnit } from '../../../infra/event-store/port.js';
import { openDiskFiles } from '../../../infra/files/disk.js';
import { encryptedFiles } from '../../../infra/files/testing/encrypted.js';
import { allMigrations } from '../../../infra/migrations/all.js';
import { openDiskPayloads } from '../../../infra/payloads/disk.js';
import { openPostgresPayloads } from '../../../infra/payloads/postgres.js';
import { openCachedDataKeys } from '../../../infra/data-keys/cached.js';
import { openPostgresDataKeys } from '../../../infra/data-keys/postgres.js';
import { openSealedPayloads } from '../../../infra/payloads/sealed.js';
import { openTieredPayloads } from '../../../infra/payloads/tiered.js';
import { migrate } from '../../../infra/postgres/migrate.js';
import { openPool } from '../../../infra/postgres/pool.js';
import { openPostgresProofStore } from '../../../infra/proof-store/postgres.js';
import { openProgress } from '../../../infra/read-store/progress.js';
import { advance, loadProjections } from '../../../projectors/engine/running-projections.js';
import { projections } from '../../../projectors/projections.js';
import {
  startEventStoreDouble,
  type EventStoreDouble,
} from '../../../infra/event-store/testing/double/double.js';
import { temporaryFolder } from '../../../testing/folders.js';
import { freshDatabase } from '../../../infra/postgres/testing/fresh-database.js';
import type { Database } from '../../../runtime/open-database.js';
import { newEvent, PAYLOAD, type Story } from '../../../audit/testing/story.js';
import { auditDatabase } from '../../../audit/run-audit.js';
import { readManifest, type Manifest } from '../archive.js';
import { exportLog, type Exported } from '../export-log.js';
import { importArchive, type Imported } from '../import-archive.js';
import { readProgress } from '../progress.js';
import type { ObjectStores } from '../restore-objects.js';

const log = pino({ level: 'silent' });
const never = () => new AbortController().signal;

interface ExportOptions {
  readonly files?: boolean;
  readonly segmentEvents?: number;
}

interface ImportOptions {
  readonly stage?: boolean;
  readonly discardNewer?: boolean;
  readonly say?: (line: string) => void;
}

export interface Installation {
  readonly database: Database;
  readonly url: string;
  readonly readStore: Pool;
  readonly objects: ObjectStores;
  /** The story's events from the `from`-th on, and every payload that they name. */
  tell(story: Story, from?: number): Promise<void>;
  /** The same without payloads, for long ones. */
  tellFast(story: Story): Promise<void>;
  /** Brings the read models up to the head. */
  project(): Promise<void>;
  exportTo(folder: string, options?: ExportOptions): Promise<Exported>;
  importFrom(folder: string, options?: ImportOptions): Promise<Imported>;
  /** The server that holds the log; throws when the database does. */
  readonly double: EventStoreDouble;
  /** What `verify` finds. */
  findings(): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

export const SEGMENT_EVENTS = 10;

const WRAPPING_KEY = Buffer.alloc(32, 1);

/** Of a database that is there already, or of its own. */
export async function openInstallation(
  kind: StoreKind,
  beside?: { url: string },
): Promise<Installation> {
  const own = beside ? undefined : await freshDatabase();
  const url = beside?.url ?? own?.url ?? '';
  const readStore = openPool(url, {
    max: 6,
    applicationName: 'spec',
    log,
    timeoutMs: 0,
  });
  await migrate(readStore, allMigrations);
  const folder = await temporaryFolder();
  const server = kind === 'postgres' ? undefined : await startEventStoreDouble(folder);
  const store = server
    ? openEventStoreDb({ url: server.url, databaseUrl: url, log })
    : openPostgresEventStore({ url, log });
  const keys = openPostgresDataKeys({ pool: readStore, wrappingKey: async () => WRAPPING_KEY });
  const dataKeys = openCachedDataKeys({ keys });
  const small = openSealedPayloads(dataKeys, openPostgresPayloads(store.smallPayloads));
  const files = encryptedFiles(await openDiskFiles({ dir: `${folder.dir}/files` }), dataKeys);
  const stored = await openDiskPayloads({ dir: `${folder.dir}/payloads` });
  const large = openSealedPayloads(dataKeys, stored);
  const objects = { payloads: openTieredPayloads({ small, large }), files };
  const none = { queueUnits: 0, events: 0, batches: 0 };
  const figures = () => ({ ...none, unknownTypes: store.stats().unknownTypes });
  const { rawLog } = store;
  const database: Database = {
    store,
    rawLog,
    smallPayloads: small,
    dataKeys,
    figures,
    kind,
    readStore,
    progress: openProgress(readStore),
    log,
    isServed: false,
  };
  return {
    database,
    url,
    readStore,
    objects,
    ...livingIn(database),
    exportTo: (to, options) => exportFrom(database, objects, to, options),
    importFrom: (from, options) => importInto(database, objects, from, options),
    get double() {
      if (!server) throw new Error('the log of this installation is in its database');
      return server;
    },
    async findings() {
      const options = { deep: true, settled: true, skipRebuild: false, receiverRecord: undefined };
      const bytesOf = (ref: Parameters<ObjectStores['payloads']['get']>[0]) =>
        objects.payloads.get(ref);
      const { findings } = await auditDatabase(database, bytesOf, options, never());
      return findings.kept;
    },
    async close() {
      await store.close();
      dataKeys.close();
      await readStore.end();
      await server?.close();
      await own?.drop();
      await folder.remove();
    },
  };
}

function livingIn({ store, readStore, smallPayloads }: Database) {
  return {
    async tell({ events, organizationId }: Story, from = 0): Promise<void> {
      for (const event of events.slice(from)) {
        const { stream, revision } = event;
        await store.append({
          appends: [{ stream, expectedRevision: revision - 1, events: [newEvent(event)] }],
        });
        const named =
          event.type === 'ExecutionRequested'
            ? event.data.input
            : (event.type === 'ExecutionCompleted' || event.type === 'ProviderSucceeded') &&
              event.data.output;
        if (named) await smallPayloads.put({ ref: named.ref, organizationId, bytes: PAYLOAD });
      }
    },
    async tellFast({ events }: Story): Promise<void> {
      for (let at = 0; at < events.length; at += 1_000) {
        const some = events.slice(at, at + 1_000);
        const appends = some.map((event) => ({
          stream: event.stream,
          expectedRevision: event.revision - 1,
          events: [newEvent(event)],
        }));
        await store.append({ appends: appends as unknown as AppendUnit['appends'] });
      }
    },
    async project(): Promise<void> {
      const running = await loadProjections(readStore, projections);
      await advance(readStore, running, await store.readAll(START, 1_000));
    },
  };
}

function exportFrom(
  database: Database,
  { payloads, files }: ObjectStores,
  folder: string,
  { files: withFiles = false, segmentEvents = SEGMENT_EVENTS }: ExportOptions = {},
): Promise<Exported> {
  const contents = { payloads: true, files: withFiles };
  return exportLog({
    database,
    signal: never(),
    segmentEvents,
    proofs: openPostgresProofStore({ pool: database.readStore }),
    onSegment: () => undefined,
    source: { folder, payloads, files, contents },
    progress: () => readProgress(database.readStore),
  });
}

async function importInto(
  database: Database,
  objects: ObjectStores,
  folder: string,
  { stage = false, discardNewer = false, say = () => undefined }: ImportOptions = {},
): Promise<Imported> {
  const manifest = (await readManifest(folder)) as Manifest;
  return importArchive({
    folder,
    manifest,
    database,
    objects,
    stage,
    discardNewer,
    signal: never(),
    say,
  });
}
