/**
 * How many calls at once this process may have at each provider. A provider's bulkhead is of all
 * processes: each holds a share of its slots (infra/slot-shares), which it renews every second, and
 * begins no call beyond it. The only process over its data has them all, and asks nobody.
 *
 *   renewed every second ──► enough: a call is begun without asking anybody
 *          ▲                 └► too few: all are asked for, soon and again ──► executions wait
 *          └── a call ended that was more than its share: others learn of it at once
 *
 * What is held is true for five seconds from when its renewal was sent. A process that cannot renew
 * it for so long begins nothing until it can; its calls in flight are then counted by nobody.
 */
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import { pause } from '../../infra/concurrency/pause.js';
import type { Log } from '../../infra/logger.js';
import type { SlotShares, SlotWish } from '../../infra/slot-shares/port.js';

export interface ProviderSlots {
  /** Asked for when a call could be begun. */
  of(provider: Provider): number;
  /** A call of the provider ended. */
  freed(slug: string): void;
  /** Calls back when a provider may be asked for more. */
  onMore(listener: (slug: string) => void): void;
  /** One renewal of what is held of all providers. */
  renew(): Promise<void>;
  open(): void;
  /** Once no call is in flight; others have its slots at once. */
  close(): Promise<void>;
}

interface Options {
  /** Undefined in the only process over its data. */
  readonly shares: SlotShares | undefined;
  readonly instance: string;
  readonly log: Pick<Log, 'info' | 'warn' | 'debug'>;
  readonly providers: () => ReadonlyMap<string, Provider>;
  /** Calls of this process at a provider. */
  readonly inFlight: (slug: string) => number;
  /** Of the monotonic clock. */
  readonly clock: () => number;
}

interface Held {
  /** What may be in flight. */
  slots: number;
  /** What the renewal that is under way makes of it. */
  granted: number;
  /** More was in flight than it is to have. */
  isOver: boolean;
  /** The most that was in flight, or about to be, since the last renewal and in the one before. */
  peak: number;
  peakBefore: number;
  shortAtMs: number;
}

interface State extends Options {
  readonly held: Map<string, Held>;
  readonly ended: AbortController;
  validUntilMs: number;
  renewedMs: number;
  renewing: Promise<void> | undefined;
  running: Promise<void> | undefined;
  isAway: boolean;
  listener: (slug: string) => void;
}

const RENEW_MS = 1_000;
/** While it lacks some. */
const RENEW_SHORT_MS = 250;
/** So long after it was last short it asks for all that there is. */
const SHORT_MS = 2_000;
/** A process that is gone leaves its slots to others after this time. */
const SHARE_MS = 5_000;

export function openProviderSlots(options: Options): ProviderSlots {
  const state: State = {
    ...options,
    held: new Map(),
    ended: new AbortController(),
    validUntilMs: -Infinity,
    renewedMs: -Infinity,
    renewing: undefined,
    running: undefined,
    isAway: false,
    listener: () => undefined,
  };
  return {
    of: (provider) => slotsOf(state, provider),
    freed(slug) {
      if (state.held.get(slug)?.isOver) void renew(state);
    },
    onMore: (heard) => (state.listener = heard),
    renew: () => renew(state),
    open() {
      if (state.shares) state.running = run(state);
    },
    async close() {
      state.ended.abort();
      await state.running;
      await state.shares
        ?.giveBack(state.instance)
        .catch((err: unknown) => state.log.debug({ err }, 'slots run out by themselves'));
    },
  };
}

function slotsOf(state: State, { slug, bulkhead }: Provider): number {
  if (!state.shares) return bulkhead;
  const nowMs = state.clock();
  const held = heldOf(state, slug);
  const usable = nowMs < state.validUntilMs ? Math.min(held.slots, bulkhead) : 0;
  const wanted = state.inFlight(slug) + 1;
  if (wanted > held.peak) held.peak = wanted;
  if (wanted <= usable || usable === bulkhead) return usable;
  held.shortAtMs = nowMs;
  if (nowMs - state.renewedMs >= RENEW_SHORT_MS) void renew(state);
  return usable;
}

function heldOf({ held }: State, slug: string): Held {
  const known = held.get(slug);
  if (known) return known;
  const opened: Held = {
    slots: 0,
    granted: 0,
    isOver: false,
    peak: 0,
    peakBefore: 0,
    shortAtMs: -Infinity,
  };
  held.set(slug, opened);
  return opened;
}

const renew = (state: State): Promise<void> =>
  (state.renewing ??= renewOnce(state).finally(() => (state.renewing = undefined)));

/** Never rejects. What is needed in the same turn is asked for together. */
async function renewOnce(state: State): Promise<void> {
  const { shares, instance, log, clock, listener } = state;
  await Promise.resolve();
  if (!shares) return;
  const sentMs = clock();
  state.renewedMs = sentMs;
  const wishes = [...state.providers().values()].map((provider) => wishOf(state, provider));
  try {
    const kept = await shares.renew(instance, wishes, SHARE_MS);
    const wasOut = clock() >= state.validUntilMs;
    state.validUntilMs = sentMs + SHARE_MS;
    if (state.isAway) log.info({}, 'slots of providers are renewed again');
    state.isAway = false;
    for (const slug of kept.keys()) {
      const held = heldOf(state, slug);
      const hasMore = wasOut ? held.granted > 0 : held.granted > held.slots;
      held.slots = held.granted;
      if (hasMore) listener(slug);
    }
  } catch (err) {
    if (!state.isAway)
      log.warn({ err }, 'slots of providers cannot be renewed; the last ones hold for 5 seconds');
    state.isAway = true;
  }
}

function wishOf(state: State, { slug, bulkhead }: Provider): SlotWish {
  const { inFlight, clock } = state;
  const held = heldOf(state, slug);
  const { peak, peakBefore, shortAtMs } = held;
  const isShort = clock() - shortAtMs < SHORT_MS;
  held.peakBefore = peak;
  held.peak = inFlight(slug);
  return {
    provider: slug,
    limit: bulkhead,
    demand: isShort ? bulkhead : Math.min(bulkhead, Math.max(peak, peakBefore, held.peak)),
    keep(slots) {
      const inUse = inFlight(slug);
      held.granted = slots;
      held.slots = Math.min(held.slots, slots);
      held.isOver = inUse > slots;
      return Math.max(slots, inUse);
    },
  };
}

/** Until it is closed: calls in flight count while the process drains. */
async function run(state: State): Promise<void> {
  const { ended, held, clock } = state;
  while (!ended.signal.aborted) {
    await renew(state);
    const isShort = [...held.values()].some(({ shortAtMs }) => clock() - shortAtMs < SHORT_MS);
    await pause(isShort ? RENEW_SHORT_MS : RENEW_MS, ended.signal);
  }
}
