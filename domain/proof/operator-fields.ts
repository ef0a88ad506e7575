/**
 * What of an execution only its operator knows, and may disclose field by field. A leaf commits to
 * each with a salt of its own; commitments and disclosures have the form of SD-JWT (RFC 9901):
 * a disclosure is the base64url of `[salt, name, value]`, its digest is in the leaf.
 */
import { hash } from 'node:crypto';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import { stringText } from '../canonical-json.js';
import type { LeafSalts } from './salts.js';

export const operatorFields = [
  'catalogue_version',
  'provider',
  'provider_account',
  'provider_cost',
  'region',
  'route',
] as const;

export type OperatorField = (typeof operatorFields)[number];

export type FieldsOf = Partial<Record<OperatorField, string | null>>;

type Known<E extends AnyEvent> = { readonly [T in E['type']]?: (data: DataOf<E, T>) => FieldsOf };
type DataOf<E extends AnyEvent, T> = Extract<E, { type: T }>['data'];

/** Frozen: a stored event has the same for ever. */
const known: Known<ExecutionEvent> = {
  ExecutionRequested: (data) => ({ catalogue_version: data.catalogueVersion }),
  ProviderDispatched: (data) => ({
    provider: data.provider,
    provider_account: data.account ?? null,
    region: data.region ?? null,
    route: data.route,
  }),
  ProviderSucceeded: (data) => ({
    provider: data.provider,
    provider_cost: formatMoney(data.providerCost),
    route: data.route,
  }),
  ProviderFailed: (data) => ({ provider: data.provider, route: data.route }),
  ProviderOutcomeUnknown: (data) => ({
    provider: data.provider,
    provider_cost: moneyOrNull(data.mayHaveCost),
    route: data.route,
  }),
  ExecutionCompleted: (data) => ({ provider_cost: formatMoney(data.providerCost) }),
};

const byType = new Map(Object.entries(known)) as ReadonlyMap<
  string,
  (data: AnyEvent['data']) => FieldsOf
>;

/** The types of events of which their operator knows more than their organization. */
export const operatorTypes = Object.keys(known) as readonly (keyof typeof known)[];

/** Undefined for an event of which its operator knows no more than its organization. */
export const operatorFieldsOf = ({ type, data }: Pick<AnyEvent, 'type' | 'data'>) =>
  byType.get(type)?.(data);

const moneyOrNull = (amount: Micros | undefined): string | null =>
  amount === undefined ? null : formatMoney(amount);

/** What opens one commitment, to whoever is given it. */
export const disclosureOf = (
  salts: LeafSalts,
  eventId: string,
  field: OperatorField,
  value: string | null,
): string =>
  Buffer.from(`["${salts(eventId, field)}","${field}",${jsonOf(value)}]`).toString('base64url');

const jsonOf = (value: string | null): string => (value === null ? 'null' : stringText(value));

export const disclosureDigest = (disclosure: string): string =>
  hash('sha256', disclosure, 'base64url');

interface Disclosed {
  readonly field: string;
  readonly value: string | null;
}

/** Undefined for a text that is no disclosure. */
export function readDisclosure(disclosure: string): Disclosed | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(disclosure, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 3) return undefined;
  const [salt, field, value] = parts as readonly unknown[];
  if (typeof salt !== 'string' || typeof field !== 'string') return undefined;
  return typeof value === 'string' || value === null ? { field, value } : undefined;
}

/** In the order of their digests, which says nothing of the fields. */
export const commitmentsOf = (
  salts: LeafSalts,
  eventId: string,
  fields: FieldsOf,
): readonly string[] =>
  Object.entries(fields)
    .map(([field, value]) =>
      disclosureDigest(disclosureOf(salts, eventId, field as OperatorField, value)),
    )
    .sort();
