/** What every event has in common, decided and recorded. */
import type { StreamName } from '../streams.js';

/** ISO 8601 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export type Timestamp = string;

/**
 * Who did it: an API key's id, `operator` (of `MODELROUTE_ADMIN_KEY`), `operator:<key id>`, or a
 * processor's name (`processor:<name>`).
 */
export interface Metadata {
  readonly $correlationId: string;
  readonly $causationId: string;
  readonly actor: string;
  readonly ip?: string;
  /** Why, in an operator's words. */
  readonly reason?: string;
  readonly traceparent?: string;
  readonly schemaVersion: number;
  readonly time: Timestamp;
}

/** A fact that a decider returned; nothing is recorded yet. */
export interface DomainEvent<T extends string = string, D extends object = object> {
  readonly type: T;
  readonly data: D;
}

/** A fact ready to be appended. `id` is a UUID; see `eventIdOf`. */
export interface NewEvent<E extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly metadata: Metadata;
}

/**
 * A fact in the log. `revision` counts from 0 within its stream. `position` orders the whole log by
 * commit; positions are compared, never computed with (they may have gaps).
 */
export type RecordedEvent<E extends DomainEvent = DomainEvent> = E extends DomainEvent
  ? {
      readonly id: string;
      readonly stream: StreamName;
      readonly revision: number;
      readonly position: bigint;
      readonly type: E['type'];
      readonly data: E['data'];
      readonly metadata: Metadata;
    }
  : never;

/** An event's schema: what ajv checks, and which top-level fields are money. */
export interface EventSchema {
  readonly version: number;
  /** One sentence of business meaning, shown in the generated docs. */
  readonly meaning: string;
  readonly money: readonly string[];
  readonly schema: Readonly<Record<string, unknown>>;
}
