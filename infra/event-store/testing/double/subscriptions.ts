/**
 * Subscriptions. Each reads the log at its own pace from its own place, so that a thousand events
 * cost a slow subscriber nothing until it takes them.
 *
 * confirmed → catching up → (checkpoint, caught up) → live → fallen behind → catching up …
 */
import { randomUUID } from 'node:crypto';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Knobs } from './behaviour.js';
import type { EventFilter } from './filter.js';
import { consumerTooSlow } from './statuses.js';
import type { Store } from './store.js';

export type ReadCall = ServerWritableStream<ReadReq, Buffer>;

/** What a subscription reads. */
export interface Feed {
  /** The next message, or undefined when there is none yet. */
  take(): Buffer | undefined;
  /** How far it came, for a feed with checkpoints. */
  checkpoint(): Buffer | undefined;
  /** How many events lie before it. */
  behind(): number;
}

export interface Subscriptions {
  readonly count: number;
  begin(call: ReadCall, feed: Feed): void;
  /** Drops all of them as slow consumers; answers with how many there were. */
  drop(): number;
}

/** The real server keeps so many live events for a subscriber, and then lets it fall behind. */
const LIVE_EVENTS_MAX = 32;

export function openSubscriptions(store: Store, knobs: Knobs): Subscriptions {
  const pumps = new Set<Pump>();
  store.onVisible(() => {
    for (const pump of pumps) pump.run();
  });
  return {
    get count() {
      return pumps.size;
    },
    begin: (call, feed) => {
      const pump = openPump(call, feed, knobs, () => pumps.delete(pump));
      pumps.add(pump);
      pump.run();
    },
    drop: () => {
      const dropped = [...pumps];
      for (const pump of dropped) pump.drop();
      return dropped.length;
    },
  };
}

interface Pump {
  run(): void;
  drop(): void;
}

function openPump(call: ReadCall, feed: Feed, knobs: Knobs, ended: () => void): Pump {
  let isOver = false;
  let isBlocked = false;
  let isLive = false;

  const write = (message: Buffer | undefined) => {
    if (message && !call.write(message)) isBlocked = true;
  };
  const end = () => {
    isOver = true;
    ended();
  };
  const drop = () => {
    if (isOver) return;
    end();
    call.emit('error', consumerTooSlow());
  };
  /** A live subscriber that takes nothing is dropped by old servers, and falls behind in new. */
  const wait = () => {
    const behind = feed.behind();
    const eventsMax = knobs.now.dropSlowSubscribers;
    if (!isLive) return;
    if (eventsMax > 0 && behind > eventsMax) return drop();
    if (eventsMax > 0 || behind <= LIVE_EVENTS_MAX) return;
    isLive = false;
    call.write(FELL_BEHIND);
    write(feed.checkpoint());
  };
  const run = () => {
    if (isOver) return;
    if (isBlocked) return wait();
    while (!isBlocked) {
      const message = feed.take();
      if (message) {
        write(message);
        continue;
      }
      if (isLive) return;
      isLive = true;
      write(feed.checkpoint());
      write(CAUGHT_UP);
    }
  };

  for (const event of ['cancelled', 'close', 'error'] as const) call.on(event, end);
  call.on('drain', () => {
    isBlocked = false;
    run();
  });
  write(confirmation());
  return { run, drop };
}

/**
 * $all from the log index `next` on. `skipTo` is the position the subscriber came with, which may
 * lie behind the end of a log that was lost.
 */
export function allFeed(
  store: Store,
  filter: EventFilter | undefined,
  next: number,
  skipTo: number,
): Feed {
  const { index } = store;
  const matches = (at: number) =>
    index.positionAt(at) > skipTo && (filter === undefined || filter.matches(at));
  const interval = filter?.checkpointEvents ?? Infinity;
  let considered = 0;

  const checkpoint = () => {
    considered = 0;
    return filter && next > 0 ? checkpointAt(index.positionAt(next - 1)) : undefined;
  };
  return {
    take: () => {
      for (;;) {
        if (considered >= interval) return checkpoint();
        if (next >= store.visible) return undefined;
        const at = next++;
        considered += 1;
        if (matches(at)) return store.responseAt(at);
      }
    },
    checkpoint,
    behind: () => store.visible - next,
  };
}

/** A stream that may not be there yet, from a revision on. */
export function streamFeed(store: Store, name: string, next: number): Feed {
  return {
    take: () => {
      const stream = store.index.stream(name);
      if (!stream) return undefined;
      // What a truncation took away is never sent; `Infinity` is a stream that was deleted.
      if (next < stream.truncateBefore && stream.truncateBefore !== Infinity)
        next = stream.truncateBefore;
      const at = stream.indexes[next];
      if (at === undefined || at >= store.visible || next < stream.truncateBefore) return undefined;
      next += 1;
      return store.responseAt(at);
    },
    checkpoint: () => undefined,
    behind: () => (store.index.stream(name)?.indexes.length ?? 0) - next,
  };
}

const CAUGHT_UP = encoded((answer) => answer.setCaughtUp(new streamsPb.ReadResp.CaughtUp()));
const FELL_BEHIND = encoded((answer) => answer.setFellBehind(new streamsPb.ReadResp.FellBehind()));

const confirmation = () =>
  encoded((answer) => {
    const confirmed = new streamsPb.ReadResp.SubscriptionConfirmation();
    answer.setConfirmation(confirmed.setSubscriptionId(randomUUID()));
  });

const checkpointAt = (position: number) =>
  encoded((answer) => {
    const reached = new streamsPb.ReadResp.Checkpoint();
    answer.setCheckpoint(
      reached.setCommitPosition(`${position}`).setPreparePosition(`${position}`),
    );
  });

function encoded(fill: (answer: InstanceType<typeof streamsPb.ReadResp>) => void): Buffer {
  const answer = new streamsPb.ReadResp();
  fill(answer);
  return Buffer.from(answer.serializeBinary());
}
