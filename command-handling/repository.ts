/**
 * Load, decide, append: written once for every aggregate that is not an account.
 *
 * It keeps what was read, appended and learned in the stream cache. A cached state is only ever
 * behind the log, so it is used as it is in two cases, and never otherwise:
 *
 * - `load` with `atLeast`: the caller knows a revision, and the state is there or beyond;
 * - `transact`, where something is appended: the append expects the revision that was decided on,
 *   so on a stale state it is a conflict. Then what follows is read, and decided on again.
 *
 * `load` without `atLeast` reads what follows the cached revision. So does `transact` before it
 * answers that nothing was appended: a refusal, or an effect that was there, may be an old one.
 *
 * A log that ends before a cached revision is another log. The epoch fence ends the processes over
 * a log that was exchanged; until then a conflict with such a log evicts the state.
 */
import type { AnyEvent } from '../contracts/events/all.js';
import type { DomainEvent } from '../contracts/events/envelope.js';
import { idOf, streamOf, type Category, type StreamName } from '../contracts/streams.js';
import type { Decider, Decision } from '../domain/decider.js';
import {
  NO_STREAM,
  StoreUnavailable,
  type EventStore,
  type Payload,
  type StreamAppend,
} from '../infra/event-store/port.js';
import type { CommandMetadata } from './command-metadata.js';
import { openInTurn, type InTurn } from './in-turn.js';
import { openSnapshots } from './snapshots.js';
import type { StreamCache } from './stream-cache.js';
import { appendOf, readEvents } from './streams.js';

/** Every method that reads or appends throws `StoreUnavailable` or `StoreOverloaded`. */
export interface Repository<S, C, E extends DomainEvent, R extends string> {
  load(id: string, options?: LoadOptions): Promise<Loaded<S>>;
  /** Decided on without a look at the log: where there is an event already, that is a conflict. */
  unwritten(id: string): Loaded<S>;
  /** One round: decides on what was loaded, and appends. A lost race is a value. */
  decide(
    loaded: Loaded<S>,
    command: Choice<S, C>,
    metadata: CommandMetadata,
    along?: Along,
  ): Promise<Transacted<S, E, R> | Conflict>;
  /** Decides until no race is lost. */
  transact(
    id: string,
    command: Choice<S, C>,
    metadata: CommandMetadata,
  ): Promise<Transacted<S, E, R>>;
  /** For who decides by itself, and loses races: one at a time for this id, in this process. */
  readonly inTurn: InTurn;
  /** An event that is in the log: one that was appended or delivered by other means. */
  learn(event: Recorded<E>): void;
}

export interface LoadOptions {
  /** A revision that the caller knows of: a notification's, or 0 for what never changes again. */
  readonly atLeast?: number | undefined;
}

export interface Loaded<S> {
  readonly id: string;
  readonly state: S;
  /** `NO_STREAM` when there is no event yet. */
  readonly revision: number;
}

/** A command, or the one that follows from the state; undefined: nothing is to be done. */
export type Choice<S, C> = C | ((state: S) => C | undefined);

export interface Along {
  /** Stored together with the events. */
  readonly payload?: Payload | undefined;
  /** Tried behind the events, and only where they are appended; each on its own. */
  readonly dependents?: readonly StreamAppend[];
  /** Names the append (see `appendOf`): with the same one it may be repeated after an outage. */
  readonly token?: string;
}

export type Transacted<S, E, R> =
  /** As loaded again; `revision` is that of the last of `events`. */
  | (Loaded<S> & { readonly outcome: 'accepted'; readonly events: readonly E[] })
  | { readonly outcome: 'alreadyDone'; readonly state: S }
  | { readonly outcome: 'rejected'; readonly state: S; readonly reason: R };

interface Conflict {
  readonly outcome: 'conflict';
}

type Recorded<E> = E & { readonly stream: StreamName; readonly revision: number };

/** States are shared: `evolve` answers a new one and leaves the old one as it was. */
type Aggregate<S, C, E extends DomainEvent, R extends string> = Decider<S, C, E, R> & {
  readonly category: Category;
  /** Of one with snapshots: it counts up with each change of the state's shape. */
  readonly snapshotVersion?: number;
};

/** Ten lost races in a row on one stream, in turn, are an outage, not a conflict. */
const ATTEMPTS_MAX = 10;

export function openRepository<S, C, E extends AnyEvent, R extends string>(
  store: EventStore,
  aggregate: Aggregate<S, C, E, R>,
  streamCache: StreamCache,
): Repository<S, C, E, R> {
  const { category } = aggregate;
  // A stream's states are of one kind: what is in a stream follows from its name.
  const cache = streamCache as StreamCache<Loaded<S>>;
  const { unwritten, goOn, landedOn, readOn, snapshots } = openStates(store, aggregate, cache);
  const inTurn = openInTurn();

  const repository: Repository<S, C, E, R> = {
    unwritten,
    inTurn,

    async load(id, { atLeast = Infinity } = {}) {
      const cached = cache.get(streamOf(category, id));
      return cached && cached.revision >= atLeast ? cached : readOn(id);
    },

    async decide(loaded, choice, metadata, { payload, dependents = [], token } = {}) {
      const { id, state, revision } = loaded;
      const command = commandOf(choice, state);
      if (command === undefined) return { outcome: 'alreadyDone', state };
      const decision = aggregate.decide(state, command);
      if (decision.kind !== 'accepted') return unchanged(decision, state);
      const { events } = decision;
      const stream = streamOf(category, id);
      const append = appendOf(stream, revision, events, metadata, token);
      const payloads = payload && { payloads: [payload] };
      const [outcome] = await store.append({ appends: [append, ...dependents], ...payloads });
      if (outcome?.status === 'appended') {
        const landed = landedOn(loaded, events);
        if (snapshots) await snapshots.write(stream, landed, revision);
        return { outcome: 'accepted', ...landed, events };
      }
      if (outcome?.status === 'conflict' && outcome.actualRevision < revision) cache.evict(stream);
      return { outcome: 'conflict' };
    },

    async transact(id, choice, metadata) {
      const cached = cache.get(streamOf(category, id));
      if (cached) {
        const result = await repository.decide(cached, choice, metadata);
        if (result.outcome === 'accepted') return result;
      }
      const again = async () => repository.decide(await readOn(id), choice, metadata);
      const first = await again();
      if (first.outcome !== 'conflict') return first;
      return inTurn(id, async () => {
        for (let attempt = 2; attempt <= ATTEMPTS_MAX; attempt++) {
          const result = await again();
          if (result.outcome !== 'conflict') return result;
        }
        throw new StoreUnavailable(`${category} ${id} is written to by too many at once`);
      });
    },

    learn(event) {
      const { stream, revision } = event;
      const known = cache.get(stream) ?? unwritten(idOf(stream));
      if (known.revision === revision - 1) goOn(known, [event], revision);
    },
  };
  return repository;
}

/** The states of one aggregate, brought forward in the cache. */
function openStates<S, C, E extends AnyEvent, R extends string>(
  store: EventStore,
  { category, initial, evolve, snapshotVersion }: Aggregate<S, C, E, R>,
  cache: StreamCache<Loaded<S>>,
) {
  const unwritten = (id: string): Loaded<S> => ({ id, state: initial(), revision: NO_STREAM });
  const hasSnapshots = snapshotVersion !== undefined;
  const snapshots = hasSnapshots ? openSnapshots<S>(store, snapshotVersion) : undefined;

  function goOn({ id, state }: Loaded<S>, events: readonly E[], revision: number): Loaded<S> {
    const next = { id, state: events.reduce(evolve, state), revision };
    cache.keep(streamOf(category, id), next);
    return next;
  }

  /** What was appended may have been learned before its append was answered. */
  function landedOn(loaded: Loaded<S>, events: readonly E[]): Loaded<S> {
    const revision = loaded.revision + events.length;
    const known = cache.get(streamOf(category, loaded.id));
    return known?.revision === revision ? known : goOn(loaded, events, revision);
  }

  async function readOn(id: string): Promise<Loaded<S>> {
    const stream = streamOf(category, id);
    const snapshot = cache.get(stream) ? undefined : snapshots && (await snapshots.read(stream));
    const known = cache.get(stream) ?? (snapshot ? { id, ...snapshot } : unwritten(id));
    const events = await readEvents<E>(store, stream, { fromRevision: known.revision + 1 });
    const last = events.at(-1);
    if (!last) return known;
    const read = goOn(known, events, last.revision);
    if (snapshots) await snapshots.write(stream, read, known.revision);
    return read;
  }

  return { unwritten, goOn, landedOn, readOn, snapshots };
}

const unchanged = <S, E extends DomainEvent, R extends string>(
  decision: Exclude<Decision<E, R>, { kind: 'accepted' }>,
  state: S,
) =>
  decision.kind === 'rejected'
    ? ({ outcome: 'rejected', state, reason: decision.reason } as const)
    : ({ outcome: 'alreadyDone', state } as const);

const commandOf = <S, C>(choice: Choice<S, C>, state: S): C | undefined =>
  typeof choice === 'function' ? (choice as (state: S) => C | undefined)(state) : choice;
