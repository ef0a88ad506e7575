/** Load, decide, append: written once for every aggregate that is not an account. */
import type { AnyEvent } from '../contracts/events/all.js';
import type { DomainEvent } from '../contracts/events/envelope.js';
import { streamOf, type Category } from '../contracts/streams.js';
import type { Decider } from '../domain/decider.js';
import {
  NO_STREAM,
  StoreUnavailable,
  type EventStore,
  type Payload,
} from '../infra/event-store/port.js';
import type { CommandMetadata } from './command-metadata.js';
import { appendOf, readEvents } from './streams.js';

/** All of one aggregate's kind. Every method throws `StoreUnavailable` or `StoreOverloaded`. */
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
  /** Decides until no race is lost; the answer is of the newest state. */
  transact(
    id: string,
    command: Choice<S, C>,
    metadata: CommandMetadata,
  ): Promise<Transacted<S, E, R>>;
}

export interface LoadOptions {
  /** The revision that the caller knows of, e.g. from a notification. */
  readonly atLeast?: number;
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

/** `evolve` answers a new state and leaves the old one as it was. */
type Aggregate<S, C, E extends DomainEvent, R extends string> = Decider<S, C, E, R> & {
  readonly category: Category;
};

/** Ten lost races in a row on one stream is an outage, not a conflict. */
const ATTEMPTS_MAX = 10;

export function openRepository<S, C, E extends AnyEvent, R extends string>(
  store: EventStore,
  aggregate: Aggregate<S, C, E, R>,
): Repository<S, C, E, R> {
  const { category, initial, evolve } = aggregate;
  const repository: Repository<S, C, E, R> = {
    async load(id) {
      const events = await readEvents<E>(store, streamOf(category, id));
      const state = events.reduce(evolve, initial());
      return { id, state, revision: events.at(-1)?.revision ?? NO_STREAM };
    },

    unwritten: (id) => ({ id, state: initial(), revision: NO_STREAM }),

    async decide({ id, state, revision }, choice, metadata, { payload, token } = {}) {
      const command = commandOf(choice, state);
      if (command === undefined) return { outcome: 'alreadyDone', state };
      const decision = aggregate.decide(state, command);
      if (decision.kind === 'alreadyDone') return { outcome: 'alreadyDone', state };
      if (decision.kind === 'rejected')
        return { outcome: 'rejected', state, reason: decision.reason };
      const { events } = decision;
      const append = appendOf(streamOf(category, id), revision, events, metadata, token);
      const payloads = payload && { payloads: [payload] };
      const [outcome] = await store.append({ appends: [append], ...payloads });
      if (outcome?.status !== 'appended') return { outcome: 'conflict' };
      return {
        outcome: 'accepted',
        id,
        state: events.reduce(evolve, state),
        revision: revision + events.length,
        events,
      };
    },

    async transact(id, choice, metadata) {
      for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        const result = await repository.decide(await repository.load(id), choice, metadata);
        if (result.outcome !== 'conflict') return result;
      }
      throw new StoreUnavailable(`${category} ${id} is written to by too many at once`);
    },
  };
  return repository;
}

const commandOf = <S, C>(choice: Choice<S, C>, state: S): C | undefined =>
  typeof choice === 'function' ? (choice as (state: S) => C | undefined)(state) : choice;
