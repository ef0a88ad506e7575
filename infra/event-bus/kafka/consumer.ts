/**
 * One member of a group: takes notifications from its partitions, no faster than they are handled,
 * and commits the offsets of those that are processed.
 *
 *   joining ──► taking ──► leaving     asked to stop: running handlers finish first
 *      ▲          │
 *      └─ pause ◄─┘   it crashed, or takes nothing although there are messages (watchdog)
 */
import type { Epoch } from '../../event-store/identity.js';
import type { Log } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import { aborted, pause, within } from '../../concurrency/pause.js';
import { OUTAGE_PAUSE_MS } from '../../concurrency/until-answered.js';
import type { KeyDispatcher } from '../key-dispatcher.js';
import type { Group } from '../port.js';
import type { Deduplicator } from './deduplicator.js';
import { notificationIn } from './event-notification.js';
import { openOffsets, type Offsets } from './offsets.js';
import type { ProcessedRecorder } from './processed-positions.js';
import type { Consumption, IncomingBatch, KafkaClient } from './transport.js';

export interface ConsumerOptions {
  readonly group: Group;
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Messages of another epoch are passed: their positions belong to another log. */
  readonly epoch: Epoch;
  readonly partitions: number;
  readonly client: KafkaClient;
  readonly deduplicator: Deduplicator;
  readonly dispatcher: Pick<KeyDispatcher, 'capacity' | 'idle'>;
  readonly recorder: ProcessedRecorder;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'consumerRestarts' | 'consumerLag'>;
  /** How long it may take nothing although there are messages for it. */
  readonly standstillMs: number;
}

export interface GroupConsumer {
  /** Runs until the signal aborts; then it waits for its handlers and leaves the group. */
  run(signal: AbortSignal): Promise<void>;
  /** A notification was processed: it will be recorded and committed. */
  processed(): void;
}

/** Long enough that commits cost nothing, short enough that a crash repeats little. */
const COMMIT_AFTER_MS = 1_000;
/** How long a stop waits for a commit; without the commit notifications are delivered again. */
const COMMIT_PATIENCE_MS = 1_000;
/** How long a commit is waited for before the next one takes its place. */
const COMMIT_TIMEOUT_MS = 5_000;
/** While the dispatcher is full, a heartbeat this often keeps the membership. */
const BEAT_MS = 500;

interface Member extends ConsumerOptions {
  readonly offsets: Offsets;
  consumption: Consumption | undefined;
  /** Counts what was taken; the watchdog sees whether it grows. */
  moves: number;
  /** Batches that wait for the dispatcher: then the watchdog has nothing to complain of. */
  waiting: number;
  closed: boolean;
  commitDue: NodeJS.Timeout | undefined;
  committing: Promise<void> | undefined;
}

export function openConsumer(options: ConsumerOptions): GroupConsumer {
  const member: Member = {
    ...options,
    offsets: openOffsets(),
    consumption: undefined,
    moves: 0,
    waiting: 0,
    closed: false,
    commitDue: undefined,
    committing: undefined,
  };
  return {
    run: (signal) => run(member, signal),
    processed: () => schedule(member),
  };
}

async function run(member: Member, signal: AbortSignal): Promise<void> {
  const { group, client, topics, partitions, log, metrics, dispatcher } = member;
  const stopped = aborted(signal);
  while (!signal.aborted) {
    try {
      await Promise.race([client.ensureTopics(topics, partitions), stopped]);
      if (signal.aborted) break;
      const consumption = consume(member, signal);
      const over = new AbortController();
      const why = await Promise.race([consumption.ended, stuck(member, over.signal), stopped]);
      over.abort();
      if (signal.aborted) break;
      metrics.consumerRestarts.inc({ group: group.name });
      log.warn({ group: group.name, err: why }, 'the consumer is started again');
      await consumption.leave();
    } catch (err) {
      log.warn({ group: group.name, err }, 'Kafka cannot be reached');
    }
    await pause(OUTAGE_PAUSE_MS, signal);
  }
  member.consumption?.pause();
  await dispatcher.idle();
  await within(COMMIT_PATIENCE_MS, commit(member));
  member.closed = true;
  clearTimeout(member.commitDue);
  await member.consumption?.leave();
}

function consume(member: Member, signal: AbortSignal): Consumption {
  const { client, groupId, topics, offsets } = member;
  member.consumption = client.consume({
    groupId,
    topics,
    onBatch: (batch, beat) => take(member, batch, beat, signal),
    onAssigned: (assigned) => {
      offsets.assign(assigned);
      member.moves += 1;
    },
    onRebalancing: () => void commit(member),
  });
  return member.consumption;
}

async function take(
  member: Member,
  { topic, partition, messages }: IncomingBatch,
  beat: () => Promise<void>,
  signal: AbortSignal,
): Promise<boolean> {
  const { group, deduplicator, offsets, log, epoch } = member;
  let passed = false;
  let foreign = 0;
  for (const { offset, value } of messages) {
    await untilCapacity(member, beat);
    if (signal.aborted) return false;
    const at = { topic, partition, offset, note: '' };
    const received = notificationIn(value);
    if (!received) foreign += 1;
    if (received?.epoch === epoch && group.subscribesTo.includes(received.notification.type)) {
      const { notification } = received;
      deduplicator.deliver(notification, finishing(member, offsets.take(at, notification)));
    } else {
      offsets.pass(at);
      passed = true;
    }
  }
  const where = { group: group.name, topic, partition };
  if (foreign > 0) log.warn({ ...where, foreign }, 'passed messages that are no notifications');
  member.moves += 1;
  if (passed) schedule(member);
  return true;
}

const finishing = (member: Member, done: () => void) => () => {
  done();
  schedule(member);
};

function schedule(member: Member): void {
  if (!member.closed) member.commitDue ??= setTimeout(() => void commit(member), COMMIT_AFTER_MS);
}

/** Waits until the dispatcher takes another notification. */
async function untilCapacity(member: Member, beat: () => Promise<void>): Promise<void> {
  let free = member.dispatcher.capacity();
  while (free) {
    member.waiting += 1;
    const waited = new AbortController();
    try {
      await Promise.race([free, pause(BEAT_MS, waited.signal)]);
      await beat();
    } finally {
      waited.abort();
      member.waiting -= 1;
      member.moves += 1;
    }
    free = member.dispatcher.capacity();
  }
}

/**
 * Records the processed positions first, then commits the offsets: after a crash in between Kafka
 * delivers them again, and the record drops them. The other way round, the reconciliation would
 * deliver them again.
 */
async function commit(member: Member): Promise<void> {
  clearTimeout(member.commitDue);
  member.commitDue = undefined;
  await member.committing;
  member.committing = commitNow(member).finally(() => (member.committing = undefined));
  await member.committing;
}

async function commitNow(member: Member): Promise<void> {
  const { group, offsets, recorder, consumption, log } = member;
  const due = offsets.due();
  try {
    await recorder.flush();
    if (due.length === 0 || !consumption) return;
    const committed = consumption.commit(due).then(() => offsets.committed(due));
    await within(COMMIT_TIMEOUT_MS, Promise.race([committed, consumption.ended]));
  } catch (err) {
    log.warn({ group: group.name, err }, 'processed offsets could not be committed');
  }
  if (recorder.isDue || offsets.due().length > 0) schedule(member);
}

/** Resolves when the member has taken nothing for too long although there are messages for it. */
async function stuck(member: Member, over: AbortSignal): Promise<unknown> {
  const { client, groupId, topics, offsets, group, metrics, standstillMs } = member;
  let [moves, sinceMs] = [-1, performance.now()];
  while (!over.aborted) {
    await pause(standstillMs / 2, over);
    if (over.aborted) break;
    const ends = await client.ends(topics).catch(() => undefined);
    if (ends && !offsets.isBegun)
      offsets.begin(await client.committed(groupId, topics).catch(() => []), ends);
    if (ends) metrics.consumerLag.set({ group: group.name }, offsets.lag(ends));
    const nowMs = performance.now();
    const isFine = !ends || member.waiting > 0 || member.moves !== moves || !offsets.isBehind(ends);
    if (isFine) [moves, sinceMs] = [member.moves, nowMs];
    else if (nowMs - sinceMs >= standstillMs)
      return new Error(
        `it took nothing for ${Math.round(nowMs - sinceMs)} ms although there are messages`,
      );
  }
  return undefined;
}
