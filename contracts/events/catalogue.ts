/**
 * The facts of catalogue versions: at which prices executions are accepted under each, and which of
 * them is in force.
 */
import type { Capabilities, Promises } from '../catalogue/capabilities.js';
import type { PriceEntry, PriceTierEntry } from '../catalogue/price-units.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { modalities, usage, type Modality, type Usage } from './execution.js';
import {
  count,
  eventSchema,
  listOf,
  money,
  oneOf,
  record,
  size,
  text,
  timestamp,
} from './schema-parts.js';

export interface PublishedRoute {
  readonly name: string;
  readonly provider: string;
  readonly providerModel: string;
  /** What the caller pays, and what we pay: dollars per unit; a unit that is absent is free. */
  readonly price: PriceEntry;
  readonly cost: PriceEntry;
  /** Other prices of requests with more input tokens. */
  readonly priceTiers?: readonly PriceTierEntry[];
  readonly costTiers?: readonly PriceTierEntry[];
  /** What else decided about the route: which explains why an execution went there, or did not. */
  readonly priority?: number;
  readonly weight?: number;
  readonly capabilities?: Capabilities;
  readonly promises?: Promises;
}

export interface PublishedModel {
  readonly slug: string;
  readonly modality: Modality;
  /** What an input uses that does not say, for the estimate. */
  readonly usageDefault: Usage;
  readonly routes: readonly PublishedRoute[];
}

/** These models of the version may be asked for at these prices; a large version has several. */
export type PricesPublished = DomainEvent<
  'PricesPublished',
  { readonly version: string; readonly models: readonly PublishedModel[]; readonly at: Timestamp }
>;

/** Executions are accepted under this version from here on, until another one takes effect. */
export type CatalogueTookEffect = DomainEvent<
  'CatalogueTookEffect',
  { readonly version: string; readonly at: Timestamp }
>;

export type CatalogueEvent = PricesPublished | CatalogueTookEffect;

const tiers = listOf({
  type: 'object',
  properties: { above_input_tokens: size },
  required: ['above_input_tokens'],
  additionalProperties: money,
  maxProperties: 100,
});
const prices = { type: 'object', additionalProperties: money, maxProperties: 100 };

/** As the catalogue file has them, which was checked. */
const words = { type: 'object', maxProperties: 64 };

export const catalogueSchemas: Record<CatalogueEvent['type'], EventSchema> = {
  PricesPublished: eventSchema('Executions may be accepted at these prices.', {
    version: text,
    models: listOf(
      record({
        slug: text,
        modality: oneOf(...modalities),
        usageDefault: usage,
        routes: listOf(
          record({
            name: text,
            provider: text,
            providerModel: text,
            price: prices,
            cost: prices,
            'priceTiers?': tiers,
            'costTiers?': tiers,
            'priority?': { type: 'integer', minimum: -1_000, maximum: 1_000 },
            'weight?': count,
            'capabilities?': words,
            'promises?': words,
          }),
        ),
      }),
    ),
    at: timestamp,
  }),
  CatalogueTookEffect: eventSchema('Executions are accepted under this version from here on.', {
    version: text,
    at: timestamp,
  }),
};
