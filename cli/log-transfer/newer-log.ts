/**
 * What a database knows of its log that an archive of it lacks. The archive of another store has
 * other positions; what they have in common is the last event of the move, which the cutover noted.
 *
 *   the archive is of the database's own store ──► its end, against the furthest position noted
 *   it is of another one ──► has it the last event of the move, and was nothing seen behind that?
 */
import type { Pool } from 'pg';
import type { Anchor, LogIdentity, StoreKind } from '../../infra/event-store/identity.js';
import { START, type Position } from '../../infra/event-store/port.js';
import { StartError } from '../../infra/start-error.js';
import type { Manifest } from './archive.js';
import { readLines, rowIn } from './lines.js';

export interface NewerLog {
  readonly kind: StoreKind;
  /** How far the log reached, as the database noted it. */
  readonly furthest: Position;
  /** Where the archive ends in that log; undefined where the database cannot tell. */
  readonly until: Position | undefined;
  /** Of those, how many changed behind `until`. */
  readonly executions: number | undefined;
}

interface Archive {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Throws `StartError` when the database belongs to another log than the archive. */
export async function newerLog(
  readStore: Pool,
  own: LogIdentity,
  archive: Archive,
): Promise<NewerLog | undefined> {
  const first = archive.manifest.segments[0]?.first;
  if (own.first && own.first.id !== first?.id)
    throw new StartError(
      'This database belongs to another log than the one that was exported: its checkpoints and ' +
        'read models would be lost. Name the database of that log, or an empty one.',
    );
  const furthest = await furthestKnown(readStore, own);
  const until = await endIn(own, archive);
  if (furthest === START || (until !== undefined && furthest <= until)) return undefined;
  const executions = until === undefined ? undefined : await changedBehind(readStore, until);
  return { kind: own.kind, furthest, until, executions };
}

const NAMES: Record<StoreKind, string> = { postgres: 'PostgreSQL', eventstoredb: 'EventStoreDB' };

/** Begins in the middle of a sentence. */
export function newerText({ kind, furthest, until, executions }: NewerLog): string {
  const behind =
    until === undefined ? 'an event that the export does not have' : `position ${until}`;
  const counted = executions === 1 ? '1 execution' : `${executions} executions`;
  const changed = executions ? `, with ${counted} that changed there` : '';
  const log = `the log in ${NAMES[kind]}`;
  return `what ${log} has behind ${behind}, up to position ${furthest}${changed}`;
}

export function expectNothingNewer(newer: NewerLog): never {
  throw new StartError(
    `The export is older than the log of this database and lacks ${newerText(newer)}: with the ` +
      'system stopped, export that log and import it. To give up what came since, add ' +
      '--discard-newer.',
  );
}

/** In positions of the database's own log. */
export async function furthestKnown(readStore: Pool, own: LogIdentity): Promise<Position> {
  const { rows } = await readStore.query<{ furthest: bigint | null }>(
    `SELECT greatest(
       (SELECT max(position) FROM processing.checkpoints),
       (SELECT max(position) FROM readmodel.projections),
       (SELECT max(position) FROM eventstore.events WHERE $1)
     ) AS furthest`,
    [own.kind === 'postgres'],
  );
  const furthest = rows[0]?.furthest ?? START;
  return furthest > own.head ? furthest : own.head;
}

/** Where the archive ends, as a position of the database's own log. */
async function endIn(own: LogIdentity, archive: Archive): Promise<Position | undefined> {
  const { source, segments, until } = archive.manifest;
  const first = segments[0]?.first;
  const isOfOwnStore =
    source === own.kind && (!own.first || `${own.first.position}` === first?.position);
  if (isOfOwnStore) return BigInt(until);
  return own.known && (await contains(archive, own.known)) ? own.known.position : undefined;
}

/** From the end, where the event most likely is. */
async function contains({ folder, manifest }: Archive, { id }: Anchor): Promise<boolean> {
  for (const { log, last } of manifest.segments.toReversed()) {
    if (last.id === id) return true;
    for await (const lines of readLines(folder, log))
      if (lines.some((line) => line.includes(id) && rowIn(line).id === id)) return true;
  }
  return false;
}

async function changedBehind(readStore: Pool, position: Position): Promise<number> {
  const { rows } = await readStore.query<{ executions: bigint }>(
    'SELECT count(*) AS executions FROM readmodel.executions WHERE position > $1',
    [position],
  );
  return Number(rows[0]?.executions ?? 0);
}
