/**
 * The bus of many machines: the relay publishes a doorbell for every event, and each group is a
 * consumer group of Kafka that its replicas share. Truth stays in the store: a sweep, in one
 * process per group, rings what Kafka lost and says up to where nothing is missing.
 */
import { setMaxListeners } from 'node:events';
import { START, type EventStore } from '../../event-store/port.js';
import type { Epoch } from '../../event-store/identity.js';
import type { Leases } from '../../leases/port.js';
import { whileLeased } from '../../leases/while-leased.js';
import type { Log } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import type { CheckpointStore } from '../../checkpoints/port.js';
import { pause, within } from '../../concurrency/pause.js';
import { untilAnswered } from '../../concurrency/until-answered.js';
import { PARKED_POLL_MS, parkedRinger, parkingOf } from '../parking.js';
import type { EventBus, Group, GroupLag, Wake } from '../port.js';
import { openLanes, type Handled, type Lanes } from '../wake-lanes.js';
import { openConsumer } from './consumer.js';
import { openHandledRecorder, type HandledPositions } from './handled.js';
import { openIntake } from './intake.js';
import { deadLettersOf, groupIdOf, PARTITIONS, RELAYED, topicOf } from './names.js';
import { SWEEP_TIMING, sweepGroup, type SweepTiming } from './sweep.js';
import type { KafkaClient, Sender } from './transport.js';

export interface KafkaBusOptions {
  readonly store: EventStore;
  readonly client: KafkaClient;
  readonly checkpoints: CheckpointStore;
  readonly handled: HandledPositions;
  /** `holder` names this process among the living. */
  readonly lease: { readonly leases: Leases; readonly holder: string };
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'sweptWakes' | 'consumerRestarts' | 'consumerLag'>;
  readonly onHandled?: (handled: Handled) => void;
  /** Of the log that the store holds. */
  readonly epoch: Epoch;
  readonly prefix: string;
  readonly partitions?: number;
  readonly sweep?: SweepTiming;
  /** How long a consumer may stand still although there is news. */
  readonly standstillMs?: number;
}

/** How long nobody sweeps after the process that did was killed. */
const SWEEP_LEASE_TTL_MS = 10_000;
/** How late a process hears what all together finished, which it need not ring any more. */
const SETTLED_POLL_MS = 10_000;
const STANDSTILL_MS = 14_000;
/** A dead letter that cannot be sent by then is sent when its wake has failed again. */
const DEAD_LETTER_MS = 3_000;

interface Bus extends KafkaBusOptions {
  readonly running: Map<string, (() => Promise<void>) | undefined>;
  readonly deadLetters: Sender;
}

export function openKafkaBus(options: KafkaBusOptions): EventBus & { close(): Promise<void> } {
  const { checkpoints, client } = options;
  const bus: Bus = { ...options, running: new Map(), deadLetters: client.openSender() };
  return {
    run: async (group, signal) => {
      const unheard = group.categories.filter((category) => !RELAYED.includes(category));
      if (unheard.length > 0)
        throw new Error(`${group.name} wakes on ${unheard.join()}, which the relay leaves out`);
      if (bus.running.has(group.name))
        throw new Error(`the group ${group.name} already runs in this process`);
      bus.running.set(group.name, undefined);
      try {
        await runGroup(bus, group, signal);
      } finally {
        bus.running.delete(group.name);
      }
    },
    parked: (group) => checkpoints.listParked(group),
    retryParked: async (group, stream, revision) => {
      const found = await checkpoints.requestRetry(group, stream, revision);
      if (found) await bus.running.get(group)?.();
      return found;
    },
    lag: () => lagOf(bus),
    close: () => bus.deadLetters.close(),
  };
}

async function runGroup(bus: Bus, group: Group, signal: AbortSignal): Promise<void> {
  const { checkpoints, log, handled, client, metrics, prefix } = bus;
  setMaxListeners(0, signal); // as many as there are handlers at work, and groups
  const onOutage = (err: unknown) =>
    log.warn({ group: group.name, err }, 'the checkpoint cannot be reached');
  const after = await untilAnswered(() => checkpoints.read(group.name), signal, onOutage);
  if (after === undefined) return;
  const recorder = openHandledRecorder(handled, group.name);
  const intake = openIntake(() => lanes, recorder, after);
  const lanes = openLanes({
    ...{ group, after, signal },
    clock: () => performance.now(),
    random: Math.random,
    onHandled: bus.onHandled ?? (() => undefined),
    ...deadLettered(bus, group),
    onFinished: ({ position }) => {
      intake.finished(position);
      consumer.finished();
    },
  });
  const of = {
    ...{ group, client, intake, log, metrics },
    groupId: groupIdOf(prefix, group.name),
    topics: group.categories.map((category) => topicOf(prefix, category)),
  };
  const { partitions = PARTITIONS, standstillMs = STANDSTILL_MS, epoch } = bus;
  const consumer = openConsumer({ ...of, epoch, lanes, recorder, partitions, standstillMs });
  const ringParked = parkedRinger(bus, group, lanes, signal);
  bus.running.set(group.name, ringParked);
  const settled = async () => intake.settle(await checkpoints.read(group.name));
  await Promise.all([
    repeat(PARKED_POLL_MS, signal, ringParked),
    repeat(SETTLED_POLL_MS, signal, () => settled().catch(onOutage)),
    consumer.run(signal),
    sweepInTurn(bus, of, lanes, signal),
  ]);
}

async function repeat(everyMs: number, signal: AbortSignal, work: () => Promise<void>) {
  while (!signal.aborted) {
    await work();
    await pause(everyMs, signal);
  }
}

/** Poison goes to the dead letters, for other systems, and is parked, for the operator. */
function deadLettered(bus: Bus, group: Group) {
  const { client, deadLetters, log } = bus;
  const topic = deadLettersOf(group.name);
  const parking = parkingOf(bus, group);
  return {
    ...parking,
    park: async (wake: Wake, error: unknown) => {
      const { stream: key, attempt, ...rest } = wake;
      const letter = { stream: key, ...rest, position: String(wake.position), attempts: attempt };
      const value = JSON.stringify({ ...letter, error: String(error).slice(0, 2_000) });
      try {
        const post = async () => {
          await client.ensureTopics([topic], 1);
          await deadLetters.send(new Map([[topic, [{ key, value }]]]));
        };
        if (!(await within(DEAD_LETTER_MS, post()))) throw new Error('Kafka does not answer');
      } catch (err) {
        log.warn({ group: group.name, err }, 'the dead letters cannot be reached');
        return false;
      }
      return parking.park(wake, error);
    },
  };
}

type OfGroup = Pick<
  Parameters<typeof sweepGroup>[0],
  'group' | 'groupId' | 'topics' | 'client' | 'intake' | 'log' | 'metrics'
>;

async function sweepInTurn(bus: Bus, of: OfGroup, lanes: Lanes, signal: AbortSignal) {
  const { lease, store, checkpoints, handled, log, sweep: timing = SWEEP_TIMING } = bus;
  const hasRoom = () => !lanes.isFull;
  const options = { ...of, store, checkpoints, handled, timing, hasRoom };
  await whileLeased(
    ...([
      lease.leases,
      `sweep/${of.group.name}`,
      lease.holder,
      SWEEP_LEASE_TTL_MS,
      signal,
    ] as const),
    (held) => sweepGroup(options, held),
    (err) => log.warn({ group: of.group.name, err }, "the sweep's lease cannot be reached"),
  );
}

/** Also of the relay, whose checkpoint is how far the doorbell was published. */
async function lagOf({ store, checkpoints, running }: Bus): Promise<readonly GroupLag[]> {
  const [head, saved] = await Promise.all([store.head(), checkpoints.list()]);
  const known = new Map(saved.map((checkpoint) => [checkpoint.group, checkpoint]));
  return [...new Set([...known.keys(), ...running.keys()])].sort().map((group) => ({
    ...{ group, head },
    checkpoint: known.get(group)?.position ?? START,
    parked: known.get(group)?.parked ?? 0,
  }));
}
