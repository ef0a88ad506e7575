/**
 * How many calls at once this process may have at each provider. A provider's bulkhead is of all
 * processes: each holds a share of its slots (infra/slot-shares), which it renews every second, and
 * begins no call beyond it. The only process over its data has them all, and asks nobody.
 *
 *   not used ──► needed: asked for at once ──► held ──► calls are begun without asking anybody
 *      ▲                                        │ ▲
 *      │                              too few   ▼ │ more: whoever waits is started
 *      └── not used for 30 seconds ◄── held ◄── asked for again and again, executions wait
 *
 * What is held is true for five seconds from when its renewal was sent. A process that cannot renew
 * it for so long begins nothing until it can; its calls in flight are then counted by nobody.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Model, Provider } from '../../contracts/catalogue/catalogue.js';
import { pause } from '../../infra/concurrency/pause.js';
import type { Log } from '../../infra/logger.js';
import type { SlotShares, SlotWish } from '../../infra/slot-shares/port.js';

export interface ProviderSlots {
  /** Asked for when a call could be begun: what it answers is needed. */
  of(provider: Provider): number;
  /**
   * Before a route is chosen, so that none is passed over because nobody has asked for its slots
   * yet; undefined where all were asked for.
   */
  ask(models: readonly { readonly model: Model }[]): Promise<void> | undefined;
  /** The same for whoever only looks. */
  held(provider: Provider): number;
  /** A call of the provider ended. */
  freed(slug: string): void;
  serve(waiting: Waiting): void;
  /** One renewal of what is used. */
  renew(): Promise<void>;
  open(): void;
  /** Once no call is in flight; others have its slots at once. */
  close(): Promise<void>;
}

/** Those who wait for slots here. */
interface Waiting {
  /** How many slots of the provider they could use. */
  wanted(slug: string): number;
  /** There are more of them. */
  offer(slug: string): void;
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
  /** What may be in flight until then. */
  slots: number;
  validUntilMs: number;
  /** What the renewal that is under way makes of it. */
  granted: number;
  /** More was in flight than it is to have. */
  isOver: boolean;
  /** What was asked for last. */
  demand: number;
  /** The most that was in flight, or about to be, in this second and in the one before. */
  peak: number;
  peakBefore: number;
  peakSinceMs: number;
  neededMs: number;
}

interface State extends Options {
  readonly ofProviders: Map<string, Held>;
  readonly ended: AbortController;
  waiting: Waiting;
  /** When the last renewal was sent. */
  renewedMs: number;
  renewing: Promise<void> | undefined;
  running: Promise<void> | undefined;
  /** Others may count slots as this process's. */
  hasRows: boolean;
  isAway: boolean;
}

const RENEW_MS = 1_000;
/** While it lacks some: so soon again, or sooner where it needs more than it asked for. */
const RENEW_SHORT_MS = 250;
const RENEW_MORE_MS = 50;
/** More is asked for before what is held is used up, and more than what is used. */
const NEAR_PART = 7 / 8;
const HEADROOM = 5 / 4;
/** What was not needed for so long is given back. */
const UNUSED_MS = 30_000;
/** A process that is gone leaves its slots to others after this time. */
const SHARE_MS = 5_000;

export function openProviderSlots(options: Options): ProviderSlots {
  const state: State = {
    ...options,
    ofProviders: new Map(),
    ended: new AbortController(),
    waiting: { wanted: () => 0, offer: () => undefined },
    renewedMs: -Infinity,
    renewing: undefined,
    running: undefined,
    hasRows: false,
    isAway: false,
  };
  return {
    of: (provider) => slotsOf(state, provider),
    ask: (models) => (state.shares && !areKnown(state, models) ? ask(state, models) : undefined),
    held: (provider) =>
      state.shares
        ? usable(state, provider, state.ofProviders.get(provider.slug))
        : provider.bulkhead,
    freed(slug) {
      if (state.ofProviders.get(slug)?.isOver) void renew(state);
    },
    serve: (waiting) => (state.waiting = waiting),
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

function slotsOf(state: State, provider: Provider): number {
  const { slug, bulkhead } = provider;
  if (!state.shares) return bulkhead;
  const held = heldOf(state, slug);
  const nowMs = state.clock();
  const slots = usable(state, provider, held);
  const wanted = state.inFlight(slug) + 1;
  held.neededMs = nowMs;
  if (wanted > held.peak) held.peak = wanted;
  if (wanted <= slots * NEAR_PART || slots === bulkhead) return slots;
  const isMore = demandOf(state, provider, held) > held.demand;
  if (!isMore && wanted <= slots) return slots;
  if (nowMs - state.renewedMs >= (isMore ? RENEW_MORE_MS : RENEW_SHORT_MS)) void renew(state);
  return slots;
}

/** A renewal that was under way did not ask for what is needed since. */
async function ask(state: State, models: Parameters<ProviderSlots['ask']>[0]): Promise<void> {
  await renew(state);
  if (!state.isAway && !areKnown(state, models)) await renew(state);
}

/** What was not needed lately is needed from now on. */
function areKnown(state: State, models: Parameters<ProviderSlots['ask']>[0]): boolean {
  const { ofProviders, providers, inFlight, clock } = state;
  let areAll = true;
  for (const { model } of models)
    for (const { provider: slug } of model.routes) {
      if ((ofProviders.get(slug)?.validUntilMs ?? -Infinity) > -Infinity) continue;
      if (!providers().has(slug)) continue;
      areAll = false;
      const held = heldOf(state, slug);
      held.neededMs = clock();
      held.peak = Math.max(held.peak, inFlight(slug) + 1);
    }
  return areAll;
}

function heldOf({ ofProviders, clock }: State, slug: string): Held {
  const known = ofProviders.get(slug);
  if (known) return known;
  const opened: Held = {
    slots: 0,
    validUntilMs: -Infinity,
    granted: 0,
    isOver: false,
    demand: 0,
    peak: 0,
    peakBefore: 0,
    peakSinceMs: clock(),
    neededMs: clock(),
  };
  ofProviders.set(slug, opened);
  return opened;
}

const usable = ({ clock }: State, { bulkhead }: Provider, held: Held | undefined): number =>
  held && clock() < held.validUntilMs ? Math.min(held.slots, bulkhead) : 0;

function demandOf(
  { inFlight, waiting }: State,
  { slug, bulkhead }: Provider,
  { peak, peakBefore }: Held,
): number {
  const wanted = Math.max(peak, peakBefore, inFlight(slug) + waiting.wanted(slug));
  return Math.min(bulkhead, Math.ceil(wanted * HEADROOM));
}

const renew = (state: State): Promise<void> =>
  (state.renewing ??= renewOnce(state).finally(() => (state.renewing = undefined)));

/** What is needed in the same turn is asked for together, by those that wait by its end too. */
async function renewOnce(state: State): Promise<void> {
  await endOfTurn();
  const { shares, ended, instance, log, clock } = state;
  const sentMs = clock();
  const wishes = wishesOf(state, sentMs);
  if (!shares || ended.signal.aborted || (wishes.length === 0 && !state.hasRows)) return;
  state.renewedMs = sentMs;
  state.hasRows = true;
  let kept: ReadonlyMap<string, number>;
  try {
    kept = await shares.renew(instance, wishes, SHARE_MS);
  } catch (err) {
    if (!state.isAway)
      log.warn({ err }, 'slots of providers cannot be renewed; the last ones hold for 5 seconds');
    state.isAway = true;
    return;
  }
  if (state.isAway) log.info({}, 'slots of providers are renewed again');
  state.isAway = false;
  state.hasRows = wishes.length > 0;
  for (const [slug, slots] of kept) adopt(state, slug, slots, sentMs + SHARE_MS);
}

/** Of what it keeps for its calls in flight nothing is begun anew. */
function adopt(state: State, slug: string, kept: number, validUntilMs: number): void {
  const held = heldOf(state, slug);
  const before = state.clock() < held.validUntilMs ? held.slots : 0;
  held.slots = Math.min(held.granted, kept);
  held.validUntilMs = validUntilMs;
  if (held.slots > before) state.waiting.offer(slug);
}

/** What is not needed any more is forgotten first, so that nothing is begun on it meanwhile. */
function wishesOf(state: State, nowMs: number): SlotWish[] {
  const providers = state.providers();
  return [...state.ofProviders].flatMap(([slug, held]) => {
    const provider = providers.get(slug);
    const isNeeded = nowMs - held.neededMs < UNUSED_MS || state.inFlight(slug) > 0;
    if (provider && isNeeded) return [wishOf(state, provider, held, nowMs)];
    state.ofProviders.delete(slug);
    return [];
  });
}

function wishOf(state: State, provider: Provider, held: Held, nowMs: number): SlotWish {
  const { slug, bulkhead: limit } = provider;
  held.demand = demandOf(state, provider, held);
  if (nowMs - held.peakSinceMs >= RENEW_MS) {
    held.peakBefore = held.peak;
    held.peak = state.inFlight(slug);
    held.peakSinceMs = nowMs;
  }
  return {
    provider: slug,
    limit,
    demand: held.demand,
    keep(slots) {
      const inUse = state.inFlight(slug);
      held.granted = slots;
      held.slots = Math.min(held.slots, slots);
      held.isOver = inUse > slots;
      return Math.max(slots, inUse);
    },
  };
}

/** Until it is closed: calls in flight count while the process drains. */
async function run(state: State): Promise<void> {
  const { ended } = state;
  while (!ended.signal.aborted) {
    await renew(state);
    await pause(RENEW_MS, ended.signal);
  }
}
