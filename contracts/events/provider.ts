/** The facts of a provider's circuits, by which processes that call it learn from each other. */
import type { OrganizationId } from '../ids.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { eventSchema, flag, id, text, timestamp } from './schema-parts.js';

/** Of the provider, or of one of its routes. */
interface CircuitFact {
  readonly provider: string;
  readonly route?: string;
  /** Names the process that found it, or the operator who decided it. */
  readonly foundBy: string;
  /** An operator's: no process opens or closes it before `until`. */
  readonly byOperator?: boolean;
  readonly at: Timestamp;
}

/** Calls are held back; from `until` on they are tried again. */
export type ProviderCircuitOpened = DomainEvent<
  'ProviderCircuitOpened',
  CircuitFact & {
    readonly until: Timestamp;
    /** Only its calls are held back: it alone had failures. */
    readonly organizationId?: OrganizationId;
  }
>;

/** Calls pass again. */
export type ProviderCircuitClosed = DomainEvent<'ProviderCircuitClosed', CircuitFact>;

/** An operator holds it open. */
export const isHeldOpen = (
  { byOperator, until }: ProviderCircuitOpened['data'],
  at: Timestamp,
): boolean => byOperator === true && at < until;

export type ProviderEvent = ProviderCircuitOpened | ProviderCircuitClosed;

const fact = { provider: text, 'route?': text, foundBy: text, 'byOperator?': flag, at: timestamp };

export const providerSchemas: Record<ProviderEvent['type'], EventSchema> = {
  ProviderCircuitOpened: eventSchema('Calls are held back.', {
    ...fact,
    until: timestamp,
    'organizationId?': id('org'),
  }),
  ProviderCircuitClosed: eventSchema('Calls pass again.', fact),
};
