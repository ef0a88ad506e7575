/**
 * Timers (architecture.md, decision 9): work that is due at a time unless an event comes first
 * and clears it. Rows follow from the log alone; the scheduler turns due ones into idempotent
 * commands.
 */
import type { Pool } from 'pg';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  DeliveryId,
  ExecutionId,
  FileId,
  HoldId,
  OrganizationId,
} from '../../contracts/ids.js';
import type { StreamName } from '../../contracts/streams.js';
import { rowsOf } from './reading.js';
import {
  amount,
  column,
  columnsOf,
  count,
  jsonOf,
  maybe,
  parsed,
  selectList,
  text,
  time,
  type Row,
  type Table,
} from './table.js';

export type TimerKind =
  /** The execution's time is up, or the time to re-host what was delivered. */
  | 'expire-execution'
  /** An attempt has no recorded end yet. */
  | 'attempt-deadline'
  /** A provider is to be asked about the job that it accepted, until the attempt's deadline. */
  | 'poll-provider-job'
  /** A failed attempt may be followed by the next one. */
  | 'retry-attempt'
  /** A delivery is to be attempted. */
  | 'attempt-webhook'
  /** A hold is open without an execution, or after its execution is over. */
  | 'reconcile-hold'
  /** A file's time is up, or that of the leave to upload it. */
  | 'expire-file'
  /** A file is gone, and its bytes may go once no running execution uses them. */
  | 'remove-file'
  /** A batch has executions that do not name it, so that their ends are asked for. */
  | 'check-batch';

interface Timer<K extends TimerKind> {
  /** `<kind>/<subject>`; a `poll-provider-job` has the id of its attempt's deadline. */
  readonly id: string;
  readonly kind: K;
  /** The stream whose state decides on the command. */
  readonly stream: StreamName;
  readonly dueAt: Timestamp;
  readonly organizationId: OrganizationId;
  /** Of the event that set it: a timer that is set again under its id is another one. */
  readonly position: bigint;
}

interface ExecutionTimer<K extends TimerKind> extends Timer<K> {
  readonly executionId: ExecutionId;
}

interface FileTimer<K extends TimerKind> extends Timer<K> {
  readonly fileId: FileId;
}

/** Those of `attempt-webhook` are read by their organizations (due-deliveries.ts). */
export type DueTimer =
  | ExecutionTimer<'expire-execution'>
  | (ExecutionTimer<'attempt-deadline'> & { readonly attempt: number })
  | (ExecutionTimer<'retry-attempt'> & { readonly attempt: number })
  | (ExecutionTimer<'poll-provider-job'> & { readonly attempt: number })
  | (ExecutionTimer<'reconcile-hold'> & { readonly holdId: HoldId })
  | FileTimer<'expire-file'>
  | FileTimer<'remove-file'>
  | Timer<'check-batch'>;

/** A row: any kind of timer. */
export interface TimerRow extends Timer<TimerKind> {
  readonly executionId?: ExecutionId;
  readonly fileId?: FileId;
  /** Of an execution's expiry: the files that it has as inputs, where it has any. */
  readonly fileIds?: readonly FileId[];
  /** Of a delivery, the attempts made so far. */
  readonly attempt?: number;
  readonly holdId?: HoldId;
  readonly deliveryId?: DeliveryId;
  /** Of a delivery; absent where it was scheduled before there was this column. */
  readonly endpoint?: string;
}

export const timers: Table<Pick<TimerRow, 'id'>, TimerRow> = {
  name: 'timers',
  key: [column('id', 'text', ({ id }) => id)],
  rest: [
    column('kind', 'text', ({ kind }) => kind),
    column('stream', 'text', ({ stream }) => stream),
    column('due_at', 'timestamptz', ({ dueAt }) => dueAt),
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('execution_id', 'text', ({ executionId }) => executionId),
    column('attempt', 'integer', ({ attempt }) => attempt),
    column('hold_id', 'text', ({ holdId }) => holdId),
    column('delivery_id', 'text', ({ deliveryId }) => deliveryId),
    column('endpoint', 'text', ({ endpoint }) => endpoint),
    column('file_id', 'text', ({ fileId }) => fileId),
    column('file_ids', 'json', ({ fileIds }) => jsonOf(fileIds)),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
  read: readTimer,
  isFinal: ({ kind }) => kind !== 'expire-execution' && kind !== 'attempt-webhook',
};

const COLUMNS = selectList(columnsOf(timers));

/** What tells this timer from one that is set later under the same id. */
export const timerName = ({ id, position }: Pick<DueTimer, 'id' | 'position'>): string =>
  `${id}@${position}`;

export const timerId = (kind: TimerKind, subject: string): string => `${kind}/${subject}`;

/**
 * Timers of these kinds that are due at `nowMs` but for those so named, the longest due first,
 * at most `limit` of each kind: a thousand jobs at a slow provider do not delay a deadline.
 */
export async function dueTimers(
  pool: Pick<Pool, 'query'>,
  nowMs: number,
  kinds: readonly DueTimer['kind'][],
  limit: number,
  except: readonly string[] = [],
): Promise<readonly DueTimer[]> {
  const { rows } = await pool.query<Row>({
    name: 'due-timers',
    text: `
      SELECT due.*
      FROM unnest($4::text[]) AS of_kind (kind),
      LATERAL (
        SELECT ${COLUMNS} FROM readmodel.timers
        WHERE due_at <= $1 AND timers.kind = of_kind.kind
          AND id || '@' || position <> ALL ($3::text[])
        ORDER BY due_at, id
        LIMIT $2
      ) AS due
      ORDER BY due.due_at, due.id`,
    values: [new Date(nowMs), limit, except, kinds],
  });
  return rows.map((row) => readTimer(row) as DueTimer);
}

/** Dearer: the same number of due timers of each organization, among so many that are due. */
export async function dueTimersOfEach(
  pool: Pick<Pool, 'query'>,
  nowMs: number,
  kind: DueTimer['kind'],
  of: { readonly each: number; readonly limit: number; readonly amongMax: number },
): Promise<readonly DueTimer[]> {
  const { rows } = await pool.query<Row>({
    name: 'due-timers-of-each',
    text: `
      SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY organization_id ORDER BY due_at, id) AS turn
        FROM (
          SELECT ${COLUMNS} FROM readmodel.timers WHERE kind = $1 AND due_at <= $2
          ORDER BY due_at, id LIMIT $3
        ) AS due
      ) AS ranked
      WHERE turn <= $4
      ORDER BY turn, due_at, id
      LIMIT $5`,
    values: [kind, new Date(nowMs), of.amongMax, of.each, of.limit],
  });
  return rows.map((row) => readTimer(row) as DueTimer);
}

/**
 * Timers that guard work which a process had begun by `position`: calls under way, holds on their
 * way to a request or to their end. Due or not.
 */
export async function timersOfWorkBegun(
  pool: Pick<Pool, 'query'>,
  position: bigint,
): Promise<readonly DueTimer[]> {
  const { rows } = await pool.query<Row>(
    `
      SELECT ${COLUMNS} FROM readmodel.timers
      WHERE position <= $1
        AND kind IN ('attempt-deadline', 'reconcile-hold')
      ORDER BY due_at, id`,
    [position],
  );
  return rows.map((row) => readTimer(row) as DueTimer);
}

/** Whether an execution that is not over has the file as an input. */
export async function isFileInUse(
  pool: Pick<Pool, 'query'>,
  organizationId: OrganizationId,
  fileId: FileId,
): Promise<boolean> {
  const rows = await rowsOf(pool, {
    name: 'file in use',
    text: `
      SELECT FROM readmodel.timers
      WHERE organization_id = $1 AND file_ids IS NOT NULL AND file_ids::jsonb ? $2
      LIMIT 1`,
    values: [organizationId, fileId],
  });
  return rows.length > 0;
}

function readTimer(row: Row): TimerRow {
  return {
    id: text(row, 'id'),
    kind: text(row, 'kind'),
    stream: text(row, 'stream'),
    dueAt: time(row, 'due_at'),
    organizationId: text(row, 'organization_id'),
    ...maybe(row, 'execution_id', 'executionId', text<ExecutionId>),
    ...maybe(row, 'attempt', 'attempt', count),
    ...maybe(row, 'hold_id', 'holdId', text<HoldId>),
    ...maybe(row, 'delivery_id', 'deliveryId', text<DeliveryId>),
    ...maybe(row, 'endpoint', 'endpoint', text),
    ...maybe(row, 'file_id', 'fileId', text<FileId>),
    ...maybe(row, 'file_ids', 'fileIds', parsed<readonly FileId[]>),
    position: amount(row, 'position'),
  };
}
