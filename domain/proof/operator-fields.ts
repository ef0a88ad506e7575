/**
 * What of an execution only its operator knows, and may disclose field by field. A leaf commits to
 * each with a salt of its own; commitments and disclosures have the form of SD-JWT (RFC 9901):
 * a disclosure is the base64url of `[salt, name, value]`, its digest is in the leaf.
 */
import { hash } from 'node:crypto';
import type { AnyEvent } from '../../contracts/events/all.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
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

type FieldsOf = Partial<Record<OperatorField, string | null>>;

/** By the names in `operatorFields`. Frozen: a stored event has the same for ever. */
export function operatorFieldsOf(event: Pick<AnyEvent, 'type' | 'data'>): FieldsOf | undefined {
  const { type, data } = event as AnyEvent;
  switch (type) {
    case 'ExecutionRequested':
      return { catalogue_version: data.catalogueVersion };
    case 'ProviderDispatched':
      return {
        provider: data.provider,
        provider_account: data.account ?? null,
        region: data.region ?? null,
        route: data.route,
      };
    case 'ProviderSucceeded':
      return {
        provider: data.provider,
        provider_cost: formatMoney(data.providerCost),
        route: data.route,
      };
    case 'ProviderFailed':
      return { provider: data.provider, route: data.route };
    case 'ProviderOutcomeUnknown':
      return {
        provider: data.provider,
        provider_cost: moneyOrNull(data.mayHaveCost),
        route: data.route,
      };
    case 'ExecutionCompleted':
      return { provider_cost: formatMoney(data.providerCost) };
    default:
      return undefined;
  }
}

const moneyOrNull = (amount: Micros | undefined): string | null =>
  amount === undefined ? null : formatMoney(amount);

/** What opens one commitment, to whoever is given it. */
export const disclosureOf = (
  salts: LeafSalts,
  eventId: string,
  field: OperatorField,
  value: string | null,
): string =>
  Buffer.from(JSON.stringify([salts(eventId, field), field, value])).toString('base64url');

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
