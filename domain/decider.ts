/** What every decider answers with. Decisions are values; nothing here performs anything. */
import type { DomainEvent } from '../contracts/events/envelope.js';

export type Decision<E extends DomainEvent, R extends string> =
  | { readonly kind: 'accepted'; readonly events: readonly E[] }
  /** The command's effect stands already; nothing is to be written. */
  | { readonly kind: 'alreadyDone' }
  | { readonly kind: 'rejected'; readonly reason: R };

/**
 * An aggregate as the load–decide–append loop sees it. `evolve` answers a new state and leaves the
 * old one as it was, since cached states are shared; the account's alone changes its own in place.
 */
export interface Decider<S, C, E extends DomainEvent, R extends string> {
  readonly initial: () => S;
  readonly evolve: (state: S, event: E) => S;
  readonly decide: (state: S, command: C) => Decision<E, R>;
}

/** One member of a union of commands, by its type. */
export type Of<C extends { type: string }, T extends C['type']> = Extract<C, { type: T }>;

export const accept = <E extends DomainEvent>(...events: E[]) =>
  ({ kind: 'accepted', events }) as const;

export const alreadyDone = { kind: 'alreadyDone' } as const;

export const reject = <R extends string>(reason: R) => ({ kind: 'rejected', reason }) as const;
