/** Load–decide–append, written once for every aggregate that is not an account. */
import { randomUUID } from 'node:crypto';
import type { AnyEvent } from '../contracts/events/all.js';
import type { DomainEvent, Metadata, NewEvent, Timestamp } from '../contracts/events/envelope.js';
import { eventSchemas } from '../contracts/events/all.js';
import { eventIdOf } from '../contracts/ids.js';
import { streamOf, type Category, type StreamName } from '../contracts/streams.js';
import type { Decider } from '../domain/decider.js';
import {
  NO_STREAM,
  StoreUnavailable,
  type EventStore,
  type Payload,
  type StreamAppend,
} from '../infra/event-store/port.js';

/** Who asks and why; becomes the metadata of every event that follows. */
export interface Cause {
  /** An API key's id, `operator`, or `processor:<name>`. */
  readonly actor: string;
  /** What the whole story is about, e.g. the execution's id. */
  readonly correlationId: string;
  /** The request or event that led to the command. */
  readonly causationId: string;
  readonly ip?: string;
  readonly traceparent?: string;
}

export interface Loaded<S> {
  readonly state: S;
  /** `NO_STREAM` when there is no event yet. */
  readonly revision: number;
}

export type Transacted<S, E, R> =
  | {
      readonly outcome: 'accepted';
      readonly state: S;
      /** Of the last of `events` in its stream. */
      readonly revision: number;
      readonly events: readonly E[];
    }
  | { readonly outcome: 'alreadyDone'; readonly state: S }
  | { readonly outcome: 'rejected'; readonly state: S; readonly reason: R };

type Aggregate<S, C, E extends DomainEvent, R extends string> = Decider<S, C, E, R> & {
  readonly category: Category;
};

/** Ten lost races in a row on one stream is an outage, not a conflict. */
const ATTEMPTS_MAX = 10;

/**
 * Decides against the stream as it stands and appends what was decided; a lost race is decided
 * again. A command may be a function of the state; undefined then means that nothing is to be done.
 * Throws `StoreUnavailable` or `StoreOverloaded` on an outage.
 */
export async function transact<S, C, E extends AnyEvent, R extends string>(
  store: EventStore,
  aggregate: Aggregate<S, C, E, R>,
  id: string,
  command: C | ((state: S) => C | undefined),
  cause: Cause,
): Promise<Transacted<S, E, R>> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const loaded = await load(store, aggregate, id);
    const result = await decideOnce(store, aggregate, id, loaded, command, cause);
    if (result.outcome !== 'conflict') return result;
  }
  throw new StoreUnavailable(`${aggregate.category} ${id} is written to by too many at once`);
}

interface Along {
  /** Kept together with the events. */
  readonly payload?: Payload;
  /** Names the append (see `appendOf`): with the same one it may be repeated after an outage. */
  readonly token?: string;
}

/** One round of `transact` for whoever has loaded the stream already. */
export async function decideOnce<S, C, E extends AnyEvent, R extends string>(
  store: EventStore,
  aggregate: Aggregate<S, C, E, R>,
  id: string,
  { state, revision }: Loaded<S>,
  command: C | ((state: S) => C | undefined),
  cause: Cause,
  { payload, token }: Along = {},
): Promise<Transacted<S, E, R> | { readonly outcome: 'conflict' }> {
  const chosen =
    typeof command === 'function' ? (command as (state: S) => C | undefined)(state) : command;
  if (chosen === undefined) return { outcome: 'alreadyDone', state };
  const decision = aggregate.decide(state, chosen);
  if (decision.kind === 'alreadyDone') return { outcome: 'alreadyDone', state };
  if (decision.kind === 'rejected') return { outcome: 'rejected', state, reason: decision.reason };
  const stream = streamOf(aggregate.category, id);
  const append = appendOf(stream, revision, decision.events, cause, token);
  const payloads = payload && { payloads: [payload] };
  const [outcome] = await store.append({ appends: [append], ...payloads });
  if (outcome?.status !== 'appended') return { outcome: 'conflict' };
  const { events } = decision;
  const next = events.reduce(aggregate.evolve, state);
  return { outcome: 'accepted', state: next, revision: revision + events.length, events };
}

export async function load<S, C, E extends AnyEvent, R extends string>(
  store: EventStore,
  aggregate: Aggregate<S, C, E, R>,
  id: string,
): Promise<Loaded<S>> {
  const events = await readEvents<E>(store, streamOf(aggregate.category, id));
  const state = events.reduce(aggregate.evolve, aggregate.initial());
  return { state, revision: events.at(-1)?.revision ?? NO_STREAM };
}

/** A stream's events as its own category's: what is in a stream follows from its name. */
export const readEvents = async <E extends AnyEvent>(store: EventStore, stream: StreamName) =>
  (await store.readStream(stream)) as unknown as readonly (E & { readonly revision: number })[];

/**
 * Decided events made ready to append. Their ids follow from stream, revision and one token per
 * call: the same append repeated is recognised, while two claimants of one revision never pass for
 * one another.
 */
export function appendOf(
  stream: StreamName,
  expectedRevision: number,
  events: readonly AnyEvent[],
  cause: Cause,
  token: string = randomUUID(),
): StreamAppend {
  const time = new Date().toISOString();
  return {
    stream,
    expectedRevision,
    events: events.map((event, index): NewEvent<AnyEvent> => {
      const revision = expectedRevision + 1 + index;
      const metadata = metadataOf(event.type, cause, time);
      return { id: eventIdOf(stream, revision, token), ...event, metadata };
    }),
  };
}

/** One cause leads to several events; what is said of it is built, checked and written once. */
const metadataOfCause = new WeakMap<Cause, Metadata>();

function metadataOf(type: AnyEvent['type'], cause: Cause, time: Timestamp): Metadata {
  const schemaVersion = eventSchemas[type].version;
  const known = metadataOfCause.get(cause);
  if (known?.schemaVersion === schemaVersion) return known;
  const { actor, correlationId, causationId, ip, traceparent } = cause;
  const metadata: Metadata = {
    $correlationId: correlationId,
    $causationId: causationId,
    actor,
    ...(ip && { ip }),
    ...(traceparent && { traceparent }),
    schemaVersion,
    time,
  };
  metadataOfCause.set(cause, metadata);
  return metadata;
}
