/**
 * The bus of many machines: the relay publishes a notification of every event, and each group is a
 * consumer group of Kafka that its replicas share. Truth stays in the store: a reconciliation, in
 * one process per group, delivers the notifications that Kafka lost and saves the checkpoint.
 */
import { setMaxListeners } from 'node:events';
import { START, type EventStore, type Position } from '../../event-store/port.js';
import type { Epoch } from '../../event-store/identity.js';
import type { Leases } from '../../leases/port.js';
import { whileLeased } from '../../leases/while-leased.js';
import type { Log } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import type { CheckpointStore } from '../../checkpoints/port.js';
import { pause, within } from '../../concurrency/pause.js';
import { untilAnswered } from '../../concurrency/until-answered.js';
import { deadLettersOf, REDRIVE_POLL_MS, redriverOf } from '../dead-letters.js';
import { openKeyDispatcher, type Handled, type KeyDispatcher } from '../key-dispatcher.js';
import type { EventBus, Group, GroupLag, Notification } from '../port.js';
import { openConsumer } from './consumer.js';
import { openDeduplicator, type Deduplicator } from './deduplicator.js';
import {
  deadLetterTopicOf,
  groupIdOf,
  PARTITIONS,
  reconciliationLeaseOf,
  RELAYED,
  topicOf,
} from './names.js';
import { openProcessedRecorder, type ProcessedPositions } from './processed-positions.js';
import { RECONCILIATION_TIMING, reconcileGroup } from './reconciliation.js';
import type { ReconciliationTiming } from './reconciliation.js';
import type { KafkaClient, Outgoing, Sender } from './transport.js';

export interface KafkaBusOptions {
  readonly store: EventStore;
  readonly client: KafkaClient;
  readonly checkpoints: CheckpointStore;
  readonly processed: ProcessedPositions;
  /** `holder` names this process among the living. */
  readonly lease: { readonly leases: Leases; readonly holder: string };
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'reconciled' | 'consumerRestarts' | 'consumerLag'>;
  readonly onHandled?: (handled: Handled) => void;
  /** Of the log that the store holds. */
  readonly epoch: Epoch;
  readonly prefix: string;
  readonly partitions?: number;
  readonly reconciliation?: ReconciliationTiming;
  /** How long a consumer may take nothing although there are messages for it. */
  readonly standstillMs?: number;
}

/** How long nothing is reconciled after the process that did it was killed. */
const RECONCILIATION_LEASE_TTL_MS = 6_000;
/** How late a process learns the group's checkpoint, up to which it drops notifications. */
const CHECKPOINT_POLL_MS = 10_000;
const STANDSTILL_MS = 14_000;
/** A dead letter that cannot be sent by then is sent after the next failed attempt. */
const DEAD_LETTER_MS = 3_000;

interface Bus extends KafkaBusOptions {
  readonly running: Map<string, (() => Promise<void>) | undefined>;
  readonly deadLetterSender: Sender;
}

export function openKafkaBus(options: KafkaBusOptions): EventBus & { close(): Promise<void> } {
  const { checkpoints, client } = options;
  const bus: Bus = { ...options, running: new Map(), deadLetterSender: client.openSender() };
  return {
    run: async (group, signal) => {
      const missing = group.categories.filter((category) => !RELAYED.includes(category));
      if (missing.length > 0)
        throw new Error(
          `${group.name} subscribes to ${missing.join()}, which the relay leaves out`,
        );
      if (bus.running.has(group.name))
        throw new Error(`the group ${group.name} already runs in this process`);
      bus.running.set(group.name, undefined);
      try {
        await runGroup(bus, group, signal);
      } finally {
        bus.running.delete(group.name);
      }
    },
    deadLetters: (group, page) => checkpoints.deadLetters(group, page),
    redrive: async (group, stream, revision) => {
      const found = await checkpoints.requestRedrive(group, stream, revision);
      if (found) await bus.running.get(group)?.();
      return found;
    },
    drop: (group, stream, revision) => checkpoints.removeDeadLetter(group, stream, revision),
    lag: () => lagOf(bus),
    close: () => bus.deadLetterSender.close(),
  };
}

async function runGroup(bus: Bus, group: Group, signal: AbortSignal): Promise<void> {
  const { checkpoints, log } = bus;
  setMaxListeners(0, signal); // as many as there are handlers at work, and groups
  const onOutage = (err: unknown) =>
    log.warn({ group: group.name, err }, 'the checkpoint cannot be reached');
  const after = await untilAnswered(() => checkpoints.read(group.name), signal, onOutage);
  if (after === undefined) return;
  const { dispatcher, deduplicator, consumer } = openMember(bus, group, { after, signal });
  const redrive = redriverOf({ checkpoints, log, group, dispatcher, signal });
  bus.running.set(group.name, redrive);
  group.begin?.(signal);
  const readCheckpoint = async () => deduplicator.advanceTo(await checkpoints.read(group.name));
  await Promise.all([
    repeat(REDRIVE_POLL_MS, signal, redrive),
    repeat(CHECKPOINT_POLL_MS, signal, () => readCheckpoint().catch(onOutage)),
    consumer.run(signal),
    reconcileInTurn(bus, group, { dispatcher, deduplicator, signal }),
  ]);
}

interface Membership {
  readonly after: Position;
  readonly signal: AbortSignal;
}

/** From Kafka to the handlers: consumer → deduplicator → dispatcher, and back to the offsets. */
function openMember(bus: Bus, group: Group, { after, signal }: Membership) {
  const { client, log, metrics, epoch, partitions = PARTITIONS } = bus;
  const recorder = openProcessedRecorder(bus.processed, group.name);
  const deduplicator = openDeduplicator({ dispatcher: () => dispatcher, recorder, after });
  const dispatcher = openKeyDispatcher({
    group,
    after,
    signal,
    clock: () => performance.now(),
    random: Math.random,
    onHandled: bus.onHandled ?? (() => undefined),
    ...withDeadLetterTopic(bus, group),
    onProcessed: ({ position }) => {
      deduplicator.processed(position);
      consumer.processed();
    },
  });
  const consumer = openConsumer({
    group,
    ...namesOf(bus, group),
    epoch,
    partitions,
    client,
    deduplicator,
    dispatcher,
    recorder,
    log,
    metrics,
    standstillMs: bus.standstillMs ?? STANDSTILL_MS,
  });
  return { dispatcher, deduplicator, consumer };
}

/** The consumer group and the topics of a group in Kafka. */
const namesOf = ({ prefix }: Bus, { name, categories }: Group) => ({
  groupId: groupIdOf(prefix, name),
  topics: categories.map((category) => topicOf(prefix, category)),
});

async function repeat(everyMs: number, signal: AbortSignal, work: () => Promise<void>) {
  while (!signal.aborted) {
    await work();
    await pause(everyMs, signal);
  }
}

/** A dead letter goes to a topic, for other systems, and to the database, for the operator. */
function withDeadLetterTopic(bus: Bus, group: Group) {
  const { client, deadLetterSender, log } = bus;
  const topic = deadLetterTopicOf(group.name);
  const inDatabase = deadLettersOf(bus, group);
  return {
    ...inDatabase,
    addDeadLetter: async (notification: Notification, error: unknown) => {
      const message = deadLetterMessageOf(notification, error);
      const send = async () => {
        await client.ensureTopics([topic], 1);
        await deadLetterSender.send(new Map([[topic, [message]]]));
      };
      try {
        if (!(await within(DEAD_LETTER_MS, send()))) throw new Error('Kafka does not answer');
      } catch (err) {
        log.warn({ group: group.name, err }, 'the topic of dead letters cannot be reached');
        return false;
      }
      return inDatabase.addDeadLetter(notification, error);
    },
  };
}

function deadLetterMessageOf(notification: Notification, error: unknown): Outgoing {
  const { stream, revision, type, position, attempt } = notification;
  const value = JSON.stringify({
    stream,
    revision,
    type,
    position: String(position),
    attempts: attempt,
    error: String(error).slice(0, 2_000),
  });
  return { key: stream, value };
}

interface Reconciling {
  readonly dispatcher: KeyDispatcher;
  readonly deduplicator: Deduplicator;
  readonly signal: AbortSignal;
}

async function reconcileInTurn(
  bus: Bus,
  group: Group,
  { dispatcher, deduplicator, signal }: Reconciling,
): Promise<void> {
  const { lease, store, client, checkpoints, processed, log, metrics } = bus;
  const options = {
    group,
    ...namesOf(bus, group),
    store,
    checkpoints,
    processed,
    client,
    deduplicator,
    hasCapacity: () => !dispatcher.isFull,
    log,
    metrics,
    timing: bus.reconciliation ?? RECONCILIATION_TIMING,
  };
  await whileLeased({
    ...lease,
    name: reconciliationLeaseOf(group.name),
    ttlMs: RECONCILIATION_LEASE_TTL_MS,
    signal,
    work: (held) => reconcileGroup(options, held),
    onOutage: (err) =>
      log.warn({ group: group.name, err }, "the reconciliation's lease cannot be reached"),
  });
}

/** Also of the relay, whose checkpoint is how far notifications were published. */
async function lagOf({ store, checkpoints, running }: Bus): Promise<readonly GroupLag[]> {
  const [head, saved] = await Promise.all([store.head(), checkpoints.list()]);
  const known = new Map(saved.map((checkpoint) => [checkpoint.group, checkpoint]));
  return [...new Set([...known.keys(), ...running.keys()])].sort().map((group) => ({
    group,
    head,
    checkpoint: known.get(group)?.position ?? START,
    deadLetters: known.get(group)?.deadLetters ?? 0,
  }));
}
