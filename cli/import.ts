/** `import <folder>`. */
import { resolve } from 'node:path';
import type { Pool } from 'pg';
import type { Config } from '../infra/config/config.js';
import { openFiles } from '../runtime/open-files.js';
import { openSealedPayloads } from '../infra/payloads/sealed.js';
import { openTieredPayloads } from '../infra/payloads/tiered.js';
import { makeFolder } from '../infra/make-folder.js';
import { StartError } from '../infra/start-error.js';
import type { Context } from './context.js';
import { keysOf } from './serve/keys.js';
import { withDatabase, type Database } from '../runtime/open-database.js';
import { asJson } from './table.js';
import { readManifest, type Manifest } from './log-transfer/archive.js';
import { importArchive, type Imported } from './log-transfer/import-archive.js';
import { newerText, type NewerLog } from './log-transfer/newer-log.js';

export async function importCommand(
  context: Context,
  folder: string,
  options: {
    readonly stage?: true;
    readonly discardNewer?: true;
    readonly json?: true;
  },
): Promise<void> {
  const began = performance.now();
  const say = options.json ? () => undefined : (line: string) => context.print(line);
  const { config, stage } = { config: context.config(), stage: options.stage === true };
  const path = resolve(folder);
  const manifest = await completeManifest(path);
  const { signal } = context;
  const imported = await withDatabase(
    config,
    async (database) => {
      if (!stage) await expectUnserved(database.readStore);
      const { objects, close } = await objectStoresOf(config, database);
      try {
        return await importArchive({
          folder: path,
          manifest,
          database,
          objects,
          stage,
          discardNewer: options.discardNewer === true,
          signal,
          say,
        });
      } finally {
        await close();
      }
    },
    { isImport: true, masterKey: () => masterKeyFor(config) },
  );
  const seconds = (performance.now() - began) / 1000;
  context.print(options.json ? jsonOf(manifest, imported, seconds) : textOf(imported, seconds));
}

/** What is stored is encrypted under keys of this installation, which may never have run. */
async function masterKeyFor(config: Config): Promise<string> {
  await makeFolder(config.dataDir, 0o700);
  return (await keysOf(config)).masterKey;
}

async function completeManifest(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  if (!manifest) throw new StartError(`There is no export in ${folder}.`);
  if (manifest.complete) return manifest;
  throw new StartError(
    `The export in ${folder} did not come to its end: give the command again that began it.`,
  );
}

async function objectStoresOf(
  config: Config,
  { smallPayloads: small, dataKeys }: Pick<Database, 'smallPayloads' | 'dataKeys'>,
) {
  const filing = await openFiles(config, dataKeys);
  const payloads = openTieredPayloads({
    small,
    large: openSealedPayloads(dataKeys, filing.largePayloads),
  });
  return { objects: { payloads, files: filing.files }, close: () => filing.close() };
}

/** A system at work would go on by the old positions and write into the new log at once. */
async function expectUnserved(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ served: boolean }>(
    `SELECT EXISTS (SELECT FROM processing.leases WHERE expires_at > clock_timestamp())
       OR EXISTS (
         SELECT FROM pg_stat_activity
         WHERE datname = current_database()
           AND application_name IN ('modelroute', 'modelroute-processing')
       ) AS served`,
  );
  if (rows[0]?.served)
    throw new StartError(
      'A system is at work on this database: stop it first (one that was killed is forgotten in ' +
        'ten seconds), or bring only the log over meanwhile with --stage.',
    );
}

function jsonOf({ events }: Manifest, imported: Imported, seconds: number): string {
  const { appended, position, snapshots, readModels, outcome, discarded } = imported;
  return asJson({
    outcome,
    events,
    appended,
    position: `${position}`,
    read_models: readModels,
    snapshots,
    paused_exports: imported.pausedExports,
    ...discardedJson(discarded),
    seconds: Number(seconds.toFixed(3)),
    events_seconds: Number(secondsOf(imported.eventsMs, 3)),
    read_models_seconds: Number(secondsOf(imported.readModelsMs, 3)),
  });
}

const secondsOf = (ms: number, digits = 1): string => (ms / 1000).toFixed(digits);

const sentences: Record<Imported['outcome'], string> = {
  moved: 'the cutover is made: start the system on it',
  staged: 'staged: nothing refers to it yet',
  nothing_to_do: 'it was all there, and nothing was changed',
};

function discardedJson(newer: NewerLog | undefined) {
  if (!newer) return {};
  const { furthest, until, executions } = newer;
  const position = until === undefined ? null : `${until}`;
  return { discarded: { behind: position, up_to: `${furthest}`, executions: executions ?? null } };
}

const pausedText = ({ pausedExports }: Imported): string =>
  pausedExports.length > 0
    ? `\nexports that are paused until you set them again: ${pausedExports.join(', ')}`
    : '';

function textOf(imported: Imported, seconds: number): string {
  const { appended, position, readModels, outcome, discarded, eventsMs, readModelsMs } = imported;
  const built =
    readModels === 'unchanged'
      ? ''
      : `; read models are ${readModels}, in ${secondsOf(readModelsMs)} s`;
  const given = discarded ? `\ngiven up by --discard-newer: ${newerText(discarded)}` : '';
  return (
    `imported ${appended} events in ${seconds.toFixed(1)} s (read and landed in ` +
    `${secondsOf(eventsMs)} s), the last at position ${position}${built}; ` +
    `${sentences[outcome]}${given}${pausedText(imported)}`
  );
}
