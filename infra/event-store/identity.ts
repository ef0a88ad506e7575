/**
 * Which log the positions in a database belong to. Checkpoints of groups, positions of projections
 * and rows of read models say where they are in one log of one store; in another store the same
 * numbers mean other events, which would be skipped or delivered again. So the
 * database remembers the log, and a process that opens it with another one is stopped before
 * anything reads a position.
 */
import type { ClientBase, Pool } from 'pg';
import type { StreamName } from '../../contracts/streams.js';
import type { Config } from '../config/config.js';
import { StartError } from '../start-error.js';
import { InvalidEvent } from './codec.js';
import { START, type EventStore, type Position } from './port.js';
import type { RawLog } from './raw-log.js';
import { expectPositionsIn } from './saved-positions.js';

export type StoreKind = 'postgres' | 'eventstoredb';

/** One event, and its place in the log. */
export interface Anchor {
  readonly position: Position;
  readonly stream: StreamName;
  readonly revision: number;
  readonly id: string;
}

export interface LogIdentity {
  readonly kind: StoreKind;
  /** Undefined while nothing was ever in the log. */
  readonly first: Anchor | undefined;
  /** Another event that is known to be there, of a type that this release knows. */
  readonly known: Anchor | undefined;
  /** The log is at least as long as this. */
  readonly head: Position;
}

/**
 * Names one life of a database with one log: another log in it gets another epoch. A process reads
 * it once, when it starts; what it then writes about positions says so, and is refused when the log
 * has moved meanwhile.
 */
export type Epoch = string;

/** Of databases that are older than epochs, and of doorbells that carry none. */
export const FIRST_EPOCH: Epoch = '0';

export interface OpenedLog {
  readonly kind: StoreKind;
  readonly store: EventStore;
  readonly rawLog: RawLog;
}

export const kindOf = ({ eventStoreUrl }: Pick<Config, 'eventStoreUrl'>): StoreKind =>
  eventStoreUrl ? 'eventstoredb' : 'postgres';

/**
 * Throws `StartError` when the positions in the database are of another log than the opened one.
 * With `remember` a database without any adopts this log, and notes how far it has come. Answers
 * the epoch to which the positions belong.
 */
export async function expectOwnLog(
  pool: Pool,
  log: OpenedLog,
  { remember }: { readonly remember: boolean },
): Promise<Epoch> {
  if (remember && !(await readIdentity(pool))) await adopt(pool, await identityOf(log));
  const own = await readIdentity(pool);
  if (!own) return FIRST_EPOCH;
  // Read after what is remembered: others meanwhile write to the log, and note how far it is.
  const opened = await identityOf(log);
  if (own.kind !== opened.kind) throw new StartError(sentences.otherKind(own.kind));
  if (own.first && !(await isAt(log.store, own.first))) {
    const isCopy = own.first.id === opened.first?.id;
    throw new StartError(isCopy ? sentences.copy : sentences.otherLog(opened.kind));
  }
  if (opened.head < own.head) throw new StartError(sentences.older(own.head, opened.head));
  if (own.known && !(await isAt(log.store, own.known))) throw new StartError(sentences.copy);
  if (remember) await expectPositionsIn(pool, log.rawLog, NAMES[own.kind]);
  if (remember) await grow(pool, opened);
  return own.epoch;
}

const NAMES: Record<StoreKind, string> = {
  postgres: 'PostgreSQL (EVENTSTORE_URL unset)',
  eventstoredb: 'EventStoreDB (EVENTSTORE_URL set)',
};

const MOVE = "move the log with 'modelroute export' and 'modelroute import' (docs/log-transfer.md)";

const sentences = {
  otherKind: (kind: StoreKind) =>
    `The checkpoints and read models of this database belong to a log in ${NAMES[kind]}: start ` +
    `with that one, or ${MOVE}.`,
  otherLog: (kind: StoreKind) =>
    `The log in ${NAMES[kind]} is not the one that the checkpoints and read models of this ` +
    'database belong to: name the right event store or the right database.',
  copy:
    'The event store holds the log of this database with other positions, as after a copy: ' +
    `start with the original, or ${MOVE}.`,
  older: (own: Position, head: Position) =>
    `The log ends at position ${head}, and this database has seen it at ${own}: the event store ` +
    'was restored from an older backup. Restore the database of the same time.',
};

/** What the log itself says. */
async function identityOf({ kind, store, rawLog }: OpenedLog): Promise<LogIdentity> {
  const [{ rows }, head] = [await rawLog.page(START, 1), await store.head()];
  return { kind, first: rows[0], known: undefined, head };
}

async function isAt(store: EventStore, anchor: Anchor): Promise<boolean> {
  try {
    const { stream, revision } = anchor;
    const [event] = await store.readStream(stream, { fromRevision: revision, limit: 1 });
    return event?.position === anchor.position && event.id === anchor.id;
  } catch (error) {
    if (error instanceof InvalidEvent && error.position !== undefined)
      return error.position === anchor.position;
    throw error;
  }
}

interface IdentityRow {
  epoch: Epoch;
  kind: StoreKind;
  first: Written | null;
  known: Written | null;
  head: bigint;
}

type Written = Omit<Anchor, 'position'> & { readonly position: string };

/** Undefined for a database in which no position was ever written down. */
export async function readIdentity(
  asker: Pick<ClientBase, 'query'>,
): Promise<(LogIdentity & { readonly epoch: Epoch }) | undefined> {
  const { rows } = await asker.query<IdentityRow>(
    'SELECT epoch, kind, first, known, head FROM processing.log_identity',
  );
  const [row] = rows;
  return row && { ...row, first: anchorIn(row.first), known: anchorIn(row.known) };
}

const anchorIn = (written: Written | null): Anchor | undefined =>
  written ? { ...written, position: BigInt(written.position) } : undefined;

const writtenOf = (anchor: Anchor | undefined): string | null => {
  if (!anchor) return null;
  const { position, stream, revision, id } = anchor;
  return JSON.stringify({ position: `${position}`, stream, revision, id });
};

/** A start at the same time may have been quicker; its log is compared like any other's. */
async function adopt(pool: Pool, { kind, first, head }: LogIdentity): Promise<void> {
  await pool.query(
    `INSERT INTO processing.log_identity (epoch, kind, first, head)
     VALUES (gen_random_uuid()::text, $1, $2, $3)
     ON CONFLICT DO NOTHING`,
    [kind, writtenOf(first), head],
  );
}

async function grow(pool: Pool, { kind, first, head }: LogIdentity): Promise<void> {
  await pool.query(
    `UPDATE processing.log_identity
     SET first = coalesce(first, $2), head = greatest(head, $3)
     WHERE kind = $1 AND (head < $3 OR first IS NULL)`,
    [kind, writtenOf(first), head],
  );
}

/** The positions in the database are of this log from now on, and a new epoch begins. */
export async function replaceIdentity(
  tx: Pick<ClientBase, 'query'>,
  { kind, first, known, head }: LogIdentity,
): Promise<void> {
  await tx.query(
    `INSERT INTO processing.log_identity AS own (epoch, kind, first, known, head)
     VALUES (gen_random_uuid()::text, $1, $2, $3, $4)
     ON CONFLICT ("only") DO UPDATE SET
       epoch = excluded.epoch, kind = excluded.kind, first = excluded.first,
       known = excluded.known, head = excluded.head`,
    [kind, writtenOf(first), writtenOf(known), head],
  );
}
