/**
 * The proof that no wake was missed, whatever became of Kafka: reads the log behind the group's
 * checkpoint, subtracts what its members finished, and rings what the doorbell passed over.
 *
 *   seen in the log ──► handled            the checkpoint follows
 *         │   ▲
 *         ▼   └─ not yet                   it waits in its topic, or in some member's lanes
 *       missed ──► rung here               the doorbell has rung for later ones, or for none at all
 *
 * How far the doorbell has rung: in each partition up to the log position that was committed with
 * the group's offset; in one that was read to its end, as far as the relay had published before.
 * That is asked only while wakes are late. When it does not move at all, nothing is waited for.
 */
import { START, type EventStore, type LogFilter, type Position } from '../../event-store/port.js';
import type { Log } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import type { CheckpointStore } from '../../checkpoints/port.js';
import { pause, within } from '../../concurrency/pause.js';
import { untilAnswered } from '../../concurrency/until-answered.js';
import type { Group } from '../port.js';
import { openUnfinished, type Task, type Unfinished } from '../unfinished.js';
import type { HandledPositions } from './handled.js';
import type { Intake } from './intake.js';
import { RELAY } from './names.js';
import type { KafkaClient } from './transport.js';

export interface SweepOptions {
  readonly group: Group;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly store: EventStore;
  readonly checkpoints: CheckpointStore;
  readonly handled: HandledPositions;
  readonly client: Pick<KafkaClient, 'ends' | 'committed'>;
  readonly intake: Pick<Intake, 'ring' | 'settle'>;
  /** Whether the lanes take another wake now. */
  readonly hasRoom: () => boolean;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'sweptWakes'>;
  readonly timing: SweepTiming;
}

/**
 *   0 s ── a wake is seen ── lateMs: is asked about ── two sweeps: known to be passed over, rung
 *                            └── stalledMs without any progress of the group: rung
 *                            └── 3 × stalledMs without progress of the doorbell: rung
 */
export interface SweepTiming {
  readonly everyMs: number;
  readonly lateMs: number;
  readonly stalledMs: number;
}

export const SWEEP_TIMING: SweepTiming = { everyMs: 2_000, lateMs: 4_000, stalledMs: 10_000 };

const READ_MAX = 500;
/** Sweeps come so much more slowly while no wake is open. */
const IDLE_SLOWER = 3;
/** A broker that takes longer is away. */
const ANSWER_MS = 1_000;
/** Beyond it the log is read no further; about 2 MB. */
const OPEN_MAX = 10_000;
/** Finished ones that were not read yet; beyond it they are let go, and may ring again. */
const AHEAD_MAX = 100_000;
/** Rows are numbered before they are there: one that comes late is found this far back. */
const LATE_ROWS = 256n;

interface Open {
  readonly task: Task;
  seenAtMs: number;
}

interface Sweep extends SweepOptions {
  readonly filter: LogFilter;
  readonly unfinished: Unfinished;
  readonly open: Map<Position, Open>;
  readonly ahead: Set<Position>;
  rowsTo: bigint;
  rowsSeen: bigint[];
  saved: Position;
  /** How far the doorbell had rung when it was last asked, and since when. */
  rungTo: Position | undefined;
  rungToSinceMs: number;
  handledAtMs: number;
}

/** Sweeps until the signal aborts. One process at a time does it for a group. */
export async function sweepGroup(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const { group, checkpoints, log, timing } = options;
  const onOutage = (err: unknown) =>
    log.warn({ group: group.name, err }, 'the sweep goes on when what it needs is back');
  const saved = await untilAnswered(() => checkpoints.read(group.name), signal, onOutage);
  if (saved === undefined) return;
  const nowMs = performance.now();
  const sweep: Sweep = {
    ...options,
    filter: { categories: group.categories, types: group.wakesOn },
    ...{ unfinished: openUnfinished(saved), open: new Map(), ahead: new Set(), saved },
    ...{ rowsTo: -1n, rowsSeen: [], rungTo: undefined, rungToSinceMs: nowMs, handledAtMs: nowMs },
  };
  while (!signal.aborted) {
    try {
      await readLog(sweep, signal);
      await subtractHandled(sweep);
      await saveCheckpoint(sweep);
      await ringMissed(sweep);
    } catch (error) {
      onOutage(error);
    }
    await pause(sweep.open.size > 0 ? timing.everyMs : timing.everyMs * IDLE_SLOWER, signal);
  }
}

async function readLog({ store, filter, unfinished, open, ahead }: Sweep, signal: AbortSignal) {
  for (let caughtUp = false; !caughtUp && open.size < OPEN_MAX && !signal.aborted;) {
    const batch = await store.readAll(unfinished.position, READ_MAX, filter);
    const seenAtMs = performance.now();
    for (const event of batch.events)
      if (!ahead.delete(event.position))
        open.set(event.position, { task: unfinished.add(event), seenAtMs });
    unfinished.readTo(batch.position);
    caughtUp = batch.caughtUp;
  }
}

async function subtractHandled(sweep: Sweep): Promise<void> {
  const { group, handled, open, ahead, unfinished } = sweep;
  while (open.size > 0) {
    const rows = await handled.read(group.name, sweep.rowsTo - LATE_ROWS, sweep.rowsSeen);
    if (rows.length === 0) return;
    for (const position of rows.flatMap(({ positions }) => positions)) {
      const found = open.get(position);
      if (found) {
        open.delete(position);
        unfinished.remove(found.task);
        sweep.handledAtMs = performance.now();
      } else if (position > unfinished.position && ahead.size < AHEAD_MAX) ahead.add(position);
    }
    const ids = rows.map(({ id }) => id);
    sweep.rowsTo = ids.reduce((highest, id) => (id > highest ? id : highest), sweep.rowsTo);
    sweep.rowsSeen = [...sweep.rowsSeen, ...ids].filter((id) => id > sweep.rowsTo - LATE_ROWS);
  }
}

async function saveCheckpoint(sweep: Sweep): Promise<void> {
  const { group, checkpoints, handled, intake, unfinished } = sweep;
  const { checkpoint } = unfinished;
  if (checkpoint === sweep.saved) return;
  await checkpoints.save(group.name, checkpoint);
  sweep.saved = checkpoint;
  intake.settle(checkpoint);
  await handled.forget(group.name, checkpoint);
}

async function ringMissed(sweep: Sweep): Promise<void> {
  const { open, timing, group, hasRoom, intake, metrics } = sweep;
  const lateMs = performance.now() - timing.lateMs;
  const late = [...open.values()].filter(({ seenAtMs }) => seenAtMs < lateMs);
  if (late.length === 0) {
    sweep.rungTo = undefined;
    sweep.rungToSinceMs = performance.now();
    return;
  }
  const before = sweep.rungTo;
  await askHowFar(sweep);
  const nowMs = performance.now();
  const { stalledMs } = timing;
  const stoodMs = nowMs - sweep.rungToSinceMs;
  const isStalled =
    stoodMs > 3 * stalledMs || (stoodMs > stalledMs && nowMs - sweep.handledAtMs > stalledMs);
  for (const entry of late) {
    if (!hasRoom()) return;
    // Whoever had finished it when that was asked has said so by now: a sweep lies in between.
    const isPassedOver = before !== undefined && entry.task.position <= before;
    if (!isPassedOver && !isStalled) continue;
    entry.seenAtMs = nowMs;
    const { stream, revision, type, position } = entry.task;
    if (intake.ring({ stream, revision, type, position }))
      metrics.sweptWakes.inc({ group: group.name });
  }
}

/** Without an answer the doorbell counts as standing where it stood. */
async function askHowFar(sweep: Sweep): Promise<void> {
  const { group, log } = sweep;
  let rungTo: Position | undefined;
  try {
    const asked = doorbellOf(sweep).then((position) => (rungTo = position));
    if (!(await within(ANSWER_MS, asked))) throw new Error('no answer in time');
    if (rungTo === sweep.rungTo) return;
    sweep.rungTo = rungTo;
    sweep.rungToSinceMs = performance.now();
  } catch (err) {
    log.warn({ group: group.name, err }, 'the sweep cannot ask Kafka how far it is');
  }
}

/** Everything in the topics at and below it is handled. What was not rung then was passed over. */
async function doorbellOf({ client, checkpoints, groupId, topics }: Sweep): Promise<Position> {
  // In this order: what was published by then lies in the partitions that are asked afterwards.
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

/** An offset behind the end is of a topic that is gone: it says nothing about this one. */
const notedIn = ({ offset, note }: { offset: bigint; note: string }, high: bigint): Position =>
  offset < high && /^\d+$/.test(note) ? BigInt(note) : START;
