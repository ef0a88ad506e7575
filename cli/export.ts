/** `export <folder>`. */
import { resolve } from 'node:path';
import type { Config } from '../infra/config/config.js';
import { openFiles } from '../runtime/open-files.js';
import { openSealedPayloads } from '../infra/payloads/sealed.js';
import { openTieredPayloads } from '../infra/payloads/tiered.js';
import { lockDataDir } from '../infra/postgres/embedded/data-dir-lock.js';
import { openPostgresProofStore } from '../infra/proof-store/postgres.js';
import { makeFolder } from '../infra/make-folder.js';
import { folderTrouble } from '../infra/start-error.js';
import type { Context } from './context.js';
import { withDatabase, type Database } from '../runtime/open-database.js';
import { asJson } from './table.js';
import type { Contents } from './log-transfer/archive.js';
import { exportLog, type Exported } from './log-transfer/export-log.js';
import { readProgress } from './log-transfer/progress.js';

/** A segment is what a run that was ended loses at most, and what a digest is made of. */
const SEGMENT_EVENTS = 25_000;

export async function exportCommand(
  context: Context,
  folder: string,
  options: { readonly logOnly?: true; readonly files?: true; readonly json?: true },
): Promise<void> {
  const began = performance.now();
  const config = context.config();
  const contents = { payloads: !options.logOnly, files: options.files === true };
  const say = options.json ? () => undefined : (line: string) => context.print(line);
  const exported = await withDatabase(config, (database) =>
    exportTo(resolve(folder), { config, database, contents, signal: context.signal, say }),
  );
  const seconds = (performance.now() - began) / 1000;
  context.print(options.json ? jsonOf(exported, folder, seconds) : textOf(exported, seconds));
}

interface ExportOptions {
  readonly config: Config;
  readonly database: Database;
  readonly contents: Contents;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

async function exportTo(
  folder: string,
  { config, database, contents, signal, say }: ExportOptions,
): Promise<Exported> {
  await makeFolder(folder, 0o700).catch((error: unknown) => {
    throw folderTrouble(error, folder);
  });
  const lock = await lockDataDir(folder);
  const { smallPayloads: small, dataKeys } = database;
  const filing = contents.files ? await openFiles(config, dataKeys) : undefined;
  const large = filing && openSealedPayloads(dataKeys, filing.largePayloads);
  const payloads = large ? openTieredPayloads({ small, large }) : small;
  try {
    return await exportLog({
      database,
      signal,
      segmentEvents: SEGMENT_EVENTS,
      proofs: openPostgresProofStore({ pool: database.readStore }),
      source: { folder, payloads, files: filing?.files, contents },
      progress: () => readProgress(database.readStore),
      onSegment: ({ events }) => say(`${events} events`),
    });
  } catch (error) {
    throw folderTrouble(error, folder);
  } finally {
    await filing?.close();
    await lock.release();
  }
}

function countsOf({ manifest: { segments } }: Exported) {
  const counts = { payloads: 0, files: 0, missing: 0 };
  for (const { belongings } of segments) {
    counts.payloads += belongings?.payloads ?? 0;
    counts.files += belongings?.files ?? 0;
    counts.missing += belongings?.missing ?? 0;
  }
  return counts;
}

function jsonOf(exported: Exported, folder: string, seconds: number): string {
  const { events, until, content_sha256, segments } = exported.manifest;
  const { written, unreadable } = exported;
  return asJson({
    folder: resolve(folder),
    events,
    written,
    until,
    segments: segments.length,
    content_sha256,
    ...countsOf(exported),
    unreadable,
    seconds: Number(seconds.toFixed(3)),
  });
}

function textOf(exported: Exported, seconds: number): string {
  const { manifest, written, unreadable } = exported;
  const { payloads, files, missing } = countsOf(exported);
  return [
    `exported ${manifest.events} events up to position ${manifest.until}, ${written} of them in ` +
      `this run of ${seconds.toFixed(1)} s, with ${payloads} payloads and ${files} files`,
    ...(missing > 0 ? [`${missing} payloads and files that events name were not there`] : []),
    ...(unreadable > 0 ? [`${unreadable} events cannot be read by this release`] : []),
    `content ${manifest.content_sha256}`,
  ].join('\n');
}
