/** The units in which prices are written: what callers pay, and what providers cost. */
import type { Micros } from '../money.js';

export const priceUnits = [
  'per_request',
  'per_image',
  'per_megapixel',
  'per_second',
  'per_minute',
  'per_character',
  'per_1k_characters',
  'per_1m_characters',
  'per_1k_input_tokens',
  'per_1m_input_tokens',
  'per_1k_cached_input_tokens',
  'per_1m_cached_input_tokens',
  'per_1k_output_tokens',
  'per_1m_output_tokens',
] as const;

export type PriceUnit = (typeof priceUnits)[number];

/** As it is written: decimal strings in dollars. */
export type PriceEntry = Readonly<Partial<Record<PriceUnit, string>>>;

/** The prices of requests with more input tokens than that; a unit that is absent stays. */
export type PriceTierEntry = PriceEntry & { readonly above_input_tokens: number };

/** Tiers ascend; the last that a request is above holds for the whole of it. */
export type TieredPriceEntry = PriceEntry & { readonly tiers?: readonly PriceTierEntry[] };

/** Amounts in micros per unit. */
export type UnitPrices = Readonly<Partial<Record<PriceUnit, Micros>>>;

export type PriceTier = UnitPrices & { readonly above_input_tokens: number };

/** A price list; every unit that is absent costs nothing. */
export type Price = UnitPrices & { readonly tiers?: readonly PriceTier[] };
