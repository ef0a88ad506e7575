/**
 * The two ways in which servers serve a subscription. Both read pages until the log's end and then
 * take what comes from a channel of 32; they differ in what they do when that is full.
 *
 *   before 24.2:  confirmed → catching up → going live → caught up → live → dropped when too slow
 *   from 24.2 on: confirmed → catching up → (checkpoint) caught up → live → catching up …
 */
import { refusalOf, type NodeState } from './node-state.js';
import { CHANNEL_MESSAGES, type Outbox } from './outbox.js';
import type { Ways } from './server-versions.js';
import type { Page, Source } from './sources.js';
import { consumerTooSlow, invalidPosition, type Refusal } from './statuses.js';
import { CAUGHT_UP, checkpointAt, confirmation } from './subscription-messages.js';

/**
 * A message, a pause in milliseconds, why the subscription ends (nothing is taken behind that), or
 * undefined: nothing yet.
 */
export type Step = Buffer | number | Refusal | undefined;

export interface Subscriber {
  readonly steps: Generator<Step, void>;
  /** Takes some of what became visible; answers whether there is more. */
  readonly offer: () => boolean;
}

/** Where a subscription begins. */
export interface Start {
  /** The first place that may be wanted. */
  readonly place: number;
  /** The position asked for; -1 for the beginning. */
  readonly position: number;
  /** Whether an event has that position, or it lies behind all of them. */
  readonly isValid: boolean;
}

export interface Subscribed {
  readonly source: Source;
  readonly outbox: Outbox;
  readonly node: NodeState;
  readonly ways: Ways;
  readonly start: Start;
}

/** The writer of a subscription runs beside what feeds it: it has its turn after so many. */
const EVENTS_A_TURN = 16;

export const subscriberOf = (subscribed: Subscribed): Subscriber =>
  subscribed.ways.fallsBehind ? patientSubscriber(subscribed) : impatientSubscriber(subscribed);

function impatientSubscriber({ source, outbox, node, start }: Subscribed): Subscriber {
  const { interval = Infinity } = source;
  const live: Buffer[] = [];
  let isTooSlow = false;
  let liveAt = Infinity;
  let considered = 0;

  function* steps(): Generator<Step, void> {
    yield confirmation();
    let { place } = start;
    for (;;) {
      const page: Page = yield* nextPage(source, node, place);
      for (const at of page.found) yield source.message(at);
      place = page.next;
      considered += page.considered;
      if (page.isEnd) break;
      if (considered < interval) continue;
      considered %= interval;
      const last = page.found.at(-1);
      yield checkpointAt(last === undefined ? beginningOf(source, page) : source.positionAt(last));
    }
    // What came since the last page was read does not wait for room.
    liveAt = source.end;
    for (; place < liveAt; place++) {
      if (!source.wants(place)) continue;
      if (outbox.isFull) yield consumerTooSlow('transitioning to live');
      outbox.push(source.message(place));
    }
    yield CAUGHT_UP;
    for (;;) {
      const message = live.shift();
      yield message ?? (isTooSlow ? consumerTooSlow('live') : undefined);
    }
  }

  const put = (message: Buffer) => {
    if (live.length < CHANNEL_MESSAGES) live.push(message);
    else isTooSlow = true;
  };
  const offer = () => {
    for (let turn = 0; turn < EVENTS_A_TURN && liveAt < source.end && !isTooSlow; turn++) {
      const at = liveAt++;
      if (source.wants(at)) put(source.message(at));
      considered += 1;
      if (considered < interval) continue;
      considered = 0;
      put(checkpointAt(source.positionAt(at)));
    }
    // The call ends at once, and what waited is not sent.
    if (isTooSlow) live.length = 0;
    return liveAt < source.end && !isTooSlow;
  };
  return { steps: steps(), offer };
}

interface LiveEntry {
  readonly number: number;
  readonly at: number;
  readonly isCheckpoint: boolean;
}

function patientSubscriber({ source, node, ways, start }: Subscribed): Subscriber {
  const live = openLiveChannel(source);
  let sent = start.position;
  const checkpoint = checkpointsOf(source, ways);

  function* catchUp(): Generator<Step, void> {
    const interval = source.interval ?? Infinity;
    let considered = 0;
    for (let place = source.placeFrom(sent); ;) {
      const page: Page = yield* nextPage(source, node, place);
      for (const at of page.found) {
        if (source.positionAt(at) <= sent) continue;
        yield source.message(at);
        sent = source.positionAt(at);
      }
      place = page.next;
      considered += page.considered;
      if (page.isEnd && ways.checkpointsTheEnd) sent = Math.max(sent, beginningOf(source, page));
      if (page.isEnd) return yield* checkpoint(sent);
      if (considered < interval) continue;
      considered %= interval;
      sent = Math.max(sent, beginningOf(source, page));
      yield* checkpoint(sent);
    }
  }
  function* goLive(): Generator<Step, void> {
    for (let number = live.seen; ;) {
      const entry = live.take();
      if (!entry) {
        yield undefined;
        continue;
      }
      const isNext = entry.number === number + 1;
      number = live.seen = entry.number;
      const position = source.positionAt(entry.at);
      if (entry.isCheckpoint ? position < sent : position <= sent) continue;
      if (!isNext) return yield* checkpoint(sent);
      if (entry.isCheckpoint) yield* checkpoint(position);
      else yield source.message(entry.at);
      sent = position;
    }
  }
  function* steps(): Generator<Step, void> {
    yield confirmation();
    const isBehind = sent < source.positionAt(source.end - 1);
    if (isBehind && !start.isValid) yield invalidPosition();
    if (isBehind) yield* catchUp();
    for (;;) {
      yield CAUGHT_UP;
      yield* goLive();
      yield* catchUp();
    }
  }
  return { steps: steps(), offer: live.offer };
}

/** Forgets its oldest entries when it is full; the gap shows in their numbers. */
function openLiveChannel(source: Source) {
  const { interval = Infinity } = source;
  const entries: LiveEntry[] = [];
  let at = source.end;
  let [considered, count] = [0, 0];
  const put = (entry: Omit<LiveEntry, 'number'>) => {
    entries.push({ ...entry, number: ++count });
    if (entries.length > CHANNEL_MESSAGES) entries.shift();
  };
  return {
    /** The number of the entry that was taken last. */
    seen: 0,
    take: () => entries.shift(),
    offer: () => {
      for (let turn = 0; turn < EVENTS_A_TURN && at < source.end; turn++, at++) {
        if (source.wants(at)) put({ at, isCheckpoint: false });
        considered += 1;
        if (considered < interval) continue;
        considered = 0;
        put({ at, isCheckpoint: true });
      }
      return at < source.end;
    },
  };
}

/** None is sent twice, or behind a later one: behind 2^64 - 1 there is none. */
function checkpointsOf(source: Source, ways: Ways) {
  let last = -Infinity;
  return function* (position: number): Generator<Step, void> {
    if (source.interval === undefined) return;
    if (position < 0 && !ways.checkpointsNothing) return;
    const unsigned = position < 0 ? Infinity : position;
    if (unsigned <= last) return;
    last = unsigned;
    yield checkpointAt(position);
  };
}

/** The position that a page was asked for from. */
function beginningOf(source: Source, { from }: Page): number {
  return from === 0 ? 0 : source.positionAt(Math.min(from, source.end - 1));
}

function* nextPage(source: Source, node: NodeState, from: number): Generator<Step, Page> {
  const refused = refusalOf(node, { isWrite: false, needsLeader: false });
  if (refused) yield refused;
  const page = source.page(from);
  const pauseMs = source.passing.takeMs();
  if (pauseMs > 0) yield pauseMs;
  return page;
}
