/**
 * The loop of the relay, the only publisher: it reads the log and publishes a notification of every
 * event of the relayed categories. It saves its checkpoint after the broker's acknowledgement, so
 * that a crash in between only publishes again. Of its replicas one works, the others wait.
 */
import { setMaxListeners } from 'node:events';
import { categoryOf } from '../../../contracts/streams.js';
import type { Epoch } from '../../event-store/identity.js';
import type { EventStore, Position } from '../../event-store/port.js';
import type { Worker } from '../../worker.js';
import type { Leases } from '../../leases/port.js';
import { whileLeased } from '../../leases/while-leased.js';
import type { Log } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import { openCheckpointSaver } from '../checkpoint-saver.js';
import type { CheckpointStore } from '../../checkpoints/port.js';
import { aborted, pause } from '../../concurrency/pause.js';
import { OUTAGE_PAUSE_MS, untilAnswered } from '../../concurrency/until-answered.js';
import { followNews } from '../news.js';
import type { EventNotification } from '../port.js';
import { unreadableIn } from '../unreadable-event.js';
import { messageOf } from './event-notification.js';
import { PARTITIONS, RELAY, RELAYED, topicOf } from './names.js';
import type { KafkaClient, Outgoing, Sender } from './transport.js';

export interface RelayOptions {
  readonly store: EventStore;
  readonly client: KafkaClient;
  readonly checkpoints: CheckpointStore;
  /** `holder` names this process among the living. */
  readonly lease: { readonly leases: Leases; readonly holder: string };
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'relayed'>;
  /** Of the log that it reads. */
  readonly epoch: Epoch;
  readonly prefix: string;
  readonly partitions?: number;
}

/** How long nothing is published after a relay was killed. */
const LEASE_TTL_MS = 5_000;
/** After few events so long passes before the next send, which then carries more of them. */
const GATHER_MS = 25;
const GATHERED = 64;
/** A send that takes longer may wait for a topic that was deleted. */
const SLOW_SEND_MS = 2_000;

export function openRelay(options: RelayOptions): Worker {
  const { lease, log } = options;
  return {
    name: RELAY,
    run: (signal) =>
      whileLeased({
        ...lease,
        name: RELAY,
        ttlMs: LEASE_TTL_MS,
        signal,
        work: (held) => relay(options, held),
        onOutage: (err) => log.warn({ err }, "the relay's lease cannot be reached"),
      }),
  };
}

async function relay(options: RelayOptions, signal: AbortSignal): Promise<void> {
  const { checkpoints, client, log } = options;
  setMaxListeners(0, signal);
  const onOutage = (err: unknown) => log.warn({ err }, "the relay's checkpoint cannot be reached");
  const after = await untilAnswered(() => checkpoints.read(RELAY), signal, onOutage);
  if (after === undefined) return;
  let published = after;
  const saver = openCheckpointSaver({
    saved: after,
    current: () => published,
    save: (position) => checkpoints.save(RELAY, position),
    onOutage,
  });
  const sender = client.openSender();
  try {
    const onPublished = (position: Position, count: number) => {
      published = position;
      options.metrics.relayed.inc(count);
      if (count > 0) saver.processed();
      else saver.passed();
    };
    await publishAll(options, { sender, after, signal, onPublished });
  } finally {
    await sender.close();
    await saver.close();
  }
}

interface Publishing {
  readonly sender: Sender;
  readonly after: Position;
  readonly signal: AbortSignal;
  /** So many events up to there. */
  readonly onPublished: (position: Position, count: number) => void;
}

/** Publishes the log, and what is new while the log behind the checkpoint takes long to read. */
async function publishAll(options: RelayOptions, publishing: Publishing): Promise<void> {
  const { store } = options;
  const { sender, signal } = publishing;
  const reading = new AbortController();
  const isHeldUp = AbortSignal.any([signal, reading.signal]);
  const tell = (events: readonly EventNotification[]) =>
    publish(options, sender, topicsOf(events, options), isHeldUp);
  const news = followNews(store, { categories: RELAYED }, tell, isHeldUp);
  try {
    await publishLog(options, publishing, () => reading.abort());
  } finally {
    reading.abort();
    await news;
  }
}

/** Publishes batch by batch: while one is on its way, the next one grows. */
async function publishLog(
  options: RelayOptions,
  publishing: Publishing,
  onReading: () => void,
): Promise<void> {
  const { store, log } = options;
  const { sender, after, signal, onPublished } = publishing;
  let position = after;
  const publishUpTo = async (to: Position, events: readonly EventNotification[]) => {
    if (!(await publish(options, sender, topicsOf(events, options), signal))) return false;
    position = to;
    onPublished(to, events.length);
    return true;
  };
  while (!signal.aborted) {
    try {
      for await (const batch of store.subscribe(position, { categories: RELAYED }, signal)) {
        if (batch.events.length > 0 || batch.caughtUp) onReading();
        if (!(await publishUpTo(batch.position, batch.events))) return;
        const { length } = batch.events;
        if (length > 0 && length < GATHERED) await pause(GATHER_MS, signal);
      }
    } catch (err) {
      if (signal.aborted) return;
      const unreadable = unreadableIn(err);
      if (unreadable && (await publishUpTo(unreadable.position, [unreadable]))) continue;
      log.error({ err }, "the relay's subscription broke; it is opened again");
    }
    await pause(OUTAGE_PAUSE_MS, signal);
  }
}

function topicsOf(
  events: readonly EventNotification[],
  { prefix, epoch }: RelayOptions,
): ReadonlyMap<string, Outgoing[]> {
  const topics = new Map<string, Outgoing[]>();
  for (const event of events) {
    const topic = topicOf(prefix, categoryOf(event.stream));
    const messages = topics.get(topic);
    const message = messageOf(event, epoch);
    if (messages) messages.push(message);
    else topics.set(topic, [message]);
  }
  return topics;
}

/** Tries until the broker acknowledged, or the signal aborts: then it answers false. */
async function publish(
  options: RelayOptions,
  sender: Sender,
  topics: ReadonlyMap<string, readonly Outgoing[]>,
  signal: AbortSignal,
): Promise<boolean> {
  const { client, log, partitions = PARTITIONS } = options;
  const ensure = () => client.ensureTopics([...topics.keys()], partitions);
  while (topics.size > 0 && !signal.aborted) {
    const ended = new AbortController();
    const over = AbortSignal.any([signal, ended.signal]);
    try {
      const sent = sender.send(topics).then(() => true);
      sent.catch(() => undefined); // it may fail after the race is over
      void watch(over, ensure);
      return await Promise.race([sent, aborted(over).then(() => false)]);
    } catch (err) {
      log.warn({ err }, 'events could not be published; they are sent again');
      await ensure().catch(() => undefined);
      await pause(OUTAGE_PAUSE_MS, signal);
    } finally {
      ended.abort();
    }
  }
  return !signal.aborted;
}

/** The client waits for ever for a topic that was deleted, so the topic is created again. */
async function watch(over: AbortSignal, ensure: () => Promise<void>): Promise<void> {
  for (;;) {
    await pause(SLOW_SEND_MS, over);
    if (over.aborted) return;
    await ensure().catch(() => undefined);
  }
}
