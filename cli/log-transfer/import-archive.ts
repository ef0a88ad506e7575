/**
 * The steps of an import. Each may be repeated, and an import that was killed is run again.
 *
 *   is this the database of that log? ─► per segment: referenced objects, then events ─► snapshots
 *     ─► what was signed ─► cutover (one transaction) ─► read models
 */
import type { StreamName } from '../../contracts/streams.js';
import { eventSchemas } from '../../contracts/events/all.js';
import { readIdentity, type Anchor, type LogIdentity } from '../../infra/event-store/identity.js';
import { START, type Position } from '../../infra/event-store/port.js';
import type { RawLog } from '../../infra/event-store/raw-log.js';
import { openPostgresProofStore } from '../../infra/proof-store/postgres.js';
import type { Database } from '../../runtime/open-database.js';
import { openLogWriter } from './append-log.js';
import type { Manifest, Segment } from './archive.js';
import { restoreObjects, isRestored, type ObjectStores } from './restore-objects.js';
import { readLines, rowIn } from './lines.js';
import { restoreSignedProof } from './signed-proof.js';
import { noteLong, writeSnapshots } from './snapshots.js';
import { fillReadModels, marksOf, cutOver } from './cutover.js';
import { readThroughOutages, throughOutage } from './through-outages.js';
import { expectNothingNewer, furthestKnown, newerLog, type NewerLog } from './newer-log.js';

export interface Importing {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly database: Database;
  readonly objects: ObjectStores;
  /** Import events and objects, and make no cutover. */
  readonly stage: boolean;
  /** Make the cutover although the database knows of a log that reached further. */
  readonly discardNewer: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Imported {
  readonly outcome: 'moved' | 'staged' | 'nothing_to_do';
  readonly appended: number;
  readonly position: Position;
  readonly snapshots: number;
  readonly readModels: 'filled' | 'left to the projectors' | 'unchanged';
  readonly eventsMs: number;
  readonly readModelsMs: number;
  /** What the log had that the archive lacks, and that is in no view any more. */
  readonly discarded: NewerLog | undefined;
  /** Names of exports that came along. */
  readonly pausedExports: readonly string[];
}

export async function importArchive(importing: Importing): Promise<Imported> {
  const { database, manifest, stage, signal, say } = importing;
  const { store, readStore, kind } = database;
  const rawLog = readThroughOutages(database.rawLog, signal);
  const beganMs = performance.now();
  const own = await readIdentity(readStore);
  const newer = own && !stage ? await newerThanArchive(importing, rawLog, own) : undefined;
  if (newer && !importing.discardNewer) expectNothingNewer(newer);
  const accounts = new Set<StreamName>();
  const log = openLogWriter({ log: rawLog, marks: marksOf(manifest), signal });
  let taken = 0;
  for (const segment of manifest.segments) {
    await bringSegment(importing, segment, log, (row) => noteLong(accounts, row));
    taken += segment.events;
    say(`${taken} of ${manifest.events} events`);
  }
  const { appended, translated, position } = await log.end();
  const done = {
    appended,
    position,
    snapshots: 0,
    readModels: 'unchanged' as const,
    eventsMs: performance.now() - beganMs,
    readModelsMs: 0,
    discarded: undefined,
    pausedExports: [],
  };
  if (stage) return { ...done, outcome: 'staged' };
  const [first] = (await rawLog.page(START, 1)).rows;
  const isOwnLog = own?.kind === kind && isSame(own.first, first);
  if (isOwnLog && appended === 0 && !newer) return { ...done, outcome: 'nothing_to_do' };
  const snapshots = await throughOutage(() => writeSnapshots(store, accounts, signal), signal);
  const proofs = openPostgresProofStore({ pool: readStore });
  await restoreSignedProof(proofs, importing.folder, manifest);
  const identity = { kind, first, known: await lastOf(rawLog), head: position };
  const pausedExports = await cutOver(readStore, { identity, progress: manifest, translated });
  const fillingMs = performance.now();
  const readModels = await fillReadModels(database, signal);
  const readModelsMs = performance.now() - fillingMs;
  const moved = { snapshots, readModels, readModelsMs, discarded: newer, pausedExports };
  return { ...done, outcome: 'moved', ...moved };
}

/** Undefined also when the target's own log is what the database knows of, and is all there. */
async function newerThanArchive(
  { folder, manifest, database: { readStore, kind } }: Importing,
  rawLog: RawLog,
  own: LogIdentity,
): Promise<NewerLog | undefined> {
  const [first] = (await rawLog.page(START, 1)).rows;
  const [last] = await rawLog.newest(1);
  const isOwnLog = own.kind === kind && (!own.first || isSame(own.first, first));
  if (isOwnLog && (last?.position ?? START) >= (await furthestKnown(readStore, own)))
    return undefined;
  return newerLog(readStore, own, { folder, manifest });
}

const isSame = (a: Anchor | undefined, b: Anchor | undefined): boolean =>
  a?.id === b?.id && a?.position === b?.position;

type LogWriter = ReturnType<typeof openLogWriter>;

/** What events refer to is there before they are. */
async function bringSegment(
  { folder, objects, signal }: Importing,
  segment: Segment,
  log: LogWriter,
  see: (row: ReturnType<typeof rowIn>) => void,
): Promise<void> {
  let restored = false;
  const restore = async () => {
    if (!restored) await restoreObjects(folder, segment, objects, signal);
    restored = true;
  };
  for await (const lines of readLines(folder, segment.log)) {
    signal.throwIfAborted();
    for (const line of lines) {
      const row = rowIn(line);
      see(row);
      if (!(await log.isThere())) await restore();
      await log.take(row);
    }
  }
  if (!restored && !(await isRestored(folder, segment, objects))) await restore();
}

/** The last event, when this release can find it by its stream. */
async function lastOf(rawLog: RawLog): Promise<Anchor | undefined> {
  const [last] = await rawLog.newest(1);
  return last && Object.hasOwn(eventSchemas, last.type) ? last : undefined;
}
