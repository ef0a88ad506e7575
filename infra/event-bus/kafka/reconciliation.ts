/**
 * Finds every notification that Kafka lost: reads the log behind the group's checkpoint, subtracts
 * the positions that its members processed, and delivers the events that Kafka passed over.
 *
 *   read from the log ──► processed              the checkpoint follows
 *         │   ▲
 *         ▼   └─ not yet                         it waits in its topic, or in some member's queues
 *       passed over ──► delivered here           Kafka has delivered later ones, or none at all
 *
 * How far Kafka has delivered: in each partition up to the log position in the note of the group's
 * committed offset; in a partition read to its end, as far as the relay had published before. That
 * is asked only while notifications are late. When that position stalls, they are delivered here.
 */
import { START, type EventStore, type LogFilter, type Position } from '../../event-store/port.js';
import type { Log } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import type { CheckpointStore } from '../../checkpoints/port.js';
import { pause, within } from '../../concurrency/pause.js';
import { untilAnswered } from '../../concurrency/until-answered.js';
import type { Group } from '../port.js';
import { unreadableIn } from '../unreadable-event.js';
import { openInFlightWindow, type InFlightWindow, type Task } from '../in-flight-window.js';
import type { Deduplicator } from './deduplicator.js';
import { RELAY } from './names.js';
import type { ProcessedPositions } from './processed-positions.js';
import type { KafkaClient } from './transport.js';

interface ReconciliationOptions {
  readonly group: Group;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly store: EventStore;
  readonly checkpoints: CheckpointStore;
  readonly processed: ProcessedPositions;
  readonly client: Pick<KafkaClient, 'ends' | 'committed'>;
  readonly deduplicator: Pick<Deduplicator, 'redeliver' | 'advanceTo'>;
  /** Whether the dispatcher takes another notification now. */
  readonly hasCapacity: () => boolean;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'reconciled'>;
  readonly timing: ReconciliationTiming;
}

/**
 *   0 s ── an event is read ── lateMs: Kafka is asked ── two rounds: passed over, delivered here
 *                              └── stalledMs without any progress of the group: delivered here
 *                              └── 3 × stalledMs without progress of Kafka: delivered here
 */
export interface ReconciliationTiming {
  readonly everyMs: number;
  readonly lateMs: number;
  readonly stalledMs: number;
}

export const RECONCILIATION_TIMING: ReconciliationTiming = {
  everyMs: 2_000,
  lateMs: 4_000,
  stalledMs: 10_000,
};

const READ_MAX = 500;
/** Rounds come so much more slowly while nothing is open. */
const IDLE_SLOWER = 3;
/** A broker that takes longer is away. */
const ANSWER_MS = 1_000;
/** With more open notifications the log is read no further; about 2 MB. */
const OPEN_MAX = 10_000;
/** Processed positions that were not read yet; beyond it they are dropped, and come again. */
const AHEAD_MAX = 100_000;
/** A row gets its id before it commits: one that commits late is found this far back. */
const LATE_ROWS = 256n;

interface Open {
  readonly task: Task;
  seenAtMs: number;
}

interface Reconciliation extends ReconciliationOptions {
  readonly filter: LogFilter;
  readonly inFlight: InFlightWindow;
  /** The notifications that no member has recorded as processed. */
  readonly open: Map<Position, Open>;
  /** Positions that were recorded before they were read here. */
  readonly ahead: Set<Position>;
  rowsTo: bigint;
  rowsSeen: bigint[];
  saved: Position;
  /** How far Kafka had delivered when it was last asked, and since when. */
  deliveredTo: Position | undefined;
  deliveredToSinceMs: number;
  processedAtMs: number;
}

/** Works until the signal aborts. One process at a time does it for a group. */
export async function reconcileGroup(
  options: ReconciliationOptions,
  signal: AbortSignal,
): Promise<void> {
  const { group, checkpoints, log, timing } = options;
  const onOutage = (err: unknown) =>
    log.warn({ group: group.name, err }, 'the reconciliation waits for a service that is away');
  const saved = await untilAnswered(() => checkpoints.read(group.name), signal, onOutage);
  if (saved === undefined) return;
  const nowMs = performance.now();
  const reconciliation: Reconciliation = {
    ...options,
    filter: { categories: group.categories, types: group.subscribesTo },
    inFlight: openInFlightWindow(saved),
    open: new Map(),
    ahead: new Set(),
    rowsTo: -1n,
    rowsSeen: [],
    saved,
    deliveredTo: undefined,
    deliveredToSinceMs: nowMs,
    processedAtMs: nowMs,
  };
  while (!signal.aborted) {
    try {
      await readLog(reconciliation, signal);
      await subtractProcessed(reconciliation);
      await saveCheckpoint(reconciliation);
      await deliverLost(reconciliation);
    } catch (error) {
      onOutage(error);
    }
    const isIdle = reconciliation.open.size === 0;
    await pause(isIdle ? timing.everyMs * IDLE_SLOWER : timing.everyMs, signal);
  }
}

async function readLog(
  { store, filter, inFlight, open, ahead }: Reconciliation,
  signal: AbortSignal,
): Promise<void> {
  for (let caughtUp = false; !caughtUp && open.size < OPEN_MAX && !signal.aborted;) {
    const batch = await readNames(store, inFlight.position, filter);
    const seenAtMs = performance.now();
    for (const event of batch.events)
      if (!ahead.delete(event.position))
        open.set(event.position, { task: inFlight.add(event), seenAtMs });
    inFlight.advanceTo(batch.position);
    caughtUp = batch.caughtUp;
  }
}

/** One that cannot be read is missing until its notification has become a dead letter. */
async function readNames(store: EventStore, after: Position, filter: LogFilter) {
  try {
    return await store.readAll(after, READ_MAX, filter);
  } catch (error) {
    const unreadable = unreadableIn(error);
    if (!unreadable) throw error;
    return { events: [unreadable], position: unreadable.position, caughtUp: false };
  }
}

async function subtractProcessed(reconciliation: Reconciliation): Promise<void> {
  const { group, processed, open, ahead, inFlight } = reconciliation;
  while (open.size > 0) {
    const { rowsTo, rowsSeen } = reconciliation;
    const rows = await processed.read(group.name, rowsTo - LATE_ROWS, rowsSeen);
    if (rows.length === 0) return;
    for (const position of rows.flatMap(({ positions }) => positions)) {
      const found = open.get(position);
      if (found) {
        open.delete(position);
        inFlight.remove(found.task);
        reconciliation.processedAtMs = performance.now();
      } else if (position > inFlight.position && ahead.size < AHEAD_MAX) ahead.add(position);
    }
    const ids = rows.map(({ id }) => id);
    const highest = ids.reduce((most, id) => (id > most ? id : most), rowsTo);
    reconciliation.rowsTo = highest;
    reconciliation.rowsSeen = [...rowsSeen, ...ids].filter((id) => id > highest - LATE_ROWS);
  }
}

async function saveCheckpoint(reconciliation: Reconciliation): Promise<void> {
  const { group, checkpoints, processed, deduplicator, inFlight } = reconciliation;
  const checkpoint = inFlight.lowWatermark;
  if (checkpoint === reconciliation.saved) return;
  await checkpoints.save(group.name, checkpoint);
  reconciliation.saved = checkpoint;
  deduplicator.advanceTo(checkpoint);
  await processed.remove(group.name, checkpoint);
}

async function deliverLost(reconciliation: Reconciliation): Promise<void> {
  const { open, timing, group, hasCapacity, deduplicator, metrics } = reconciliation;
  const lateMs = performance.now() - timing.lateMs;
  const late = [...open.values()].filter(({ seenAtMs }) => seenAtMs < lateMs);
  if (late.length === 0) {
    reconciliation.deliveredTo = undefined;
    reconciliation.deliveredToSinceMs = performance.now();
    return;
  }
  const before = reconciliation.deliveredTo;
  await askKafka(reconciliation);
  const nowMs = performance.now();
  const { stalledMs } = timing;
  const kafkaStalledMs = nowMs - reconciliation.deliveredToSinceMs;
  const groupStalledMs = nowMs - reconciliation.processedAtMs;
  const isStalled =
    kafkaStalledMs > 3 * stalledMs || (kafkaStalledMs > stalledMs && groupStalledMs > stalledMs);
  for (const entry of late) {
    if (!hasCapacity()) return;
    // A round lies in between, so a member that had processed it by then has recorded it by now.
    const isPassedOver = before !== undefined && entry.task.position <= before;
    if (!isPassedOver && !isStalled) continue;
    entry.seenAtMs = nowMs;
    const { stream, revision, type, position } = entry.task;
    if (deduplicator.redeliver({ stream, revision, type, position }))
      metrics.reconciled.inc({ group: group.name });
  }
}

/** Without an answer the last answer holds, so that Kafka counts as stalled after a while. */
async function askKafka(reconciliation: Reconciliation): Promise<void> {
  const { group, log } = reconciliation;
  let deliveredTo: Position | undefined;
  try {
    const asked = positionDeliveredTo(reconciliation).then((position) => (deliveredTo = position));
    if (!(await within(ANSWER_MS, asked))) throw new Error('no answer in time');
    if (deliveredTo === reconciliation.deliveredTo) return;
    reconciliation.deliveredTo = deliveredTo;
    reconciliation.deliveredToSinceMs = performance.now();
  } catch (err) {
    log.warn({ group: group.name, err }, 'the reconciliation has no answer from Kafka');
  }
}

/** Every message at and below it is processed; an event without a message was passed over. */
async function positionDeliveredTo({
  client,
  checkpoints,
  groupId,
  topics,
}: Reconciliation): Promise<Position> {
  // In this order: everything published by then is in the partitions that are asked afterwards.
  const relayed = await checkpoints.read(RELAY);
  const ends = await client.ends(topics);
  const committed = await client.committed(groupId, topics);
  const of = new Map(committed.map((at) => [`${at.topic}/${at.partition}`, at]));
  return ends.reduce((lowest, { topic, partition, low, high }) => {
    const at = of.get(`${topic}/${partition}`) ?? { offset: -1n, note: '' };
    const isEmpty = low === high && at.offset <= high;
    const position = isEmpty || at.offset === high ? relayed : notedIn(at, high);
    return position < lowest ? position : lowest;
  }, relayed);
}

/** An offset past the end belongs to a deleted topic of the same name, and means nothing here. */
const notedIn = ({ offset, note }: { offset: bigint; note: string }, high: bigint): Position =>
  offset < high && /^\d{1,18}$/.test(note) ? BigInt(note) : START;
