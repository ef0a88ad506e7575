/** Price lists in the words of the catalogue file, and as amounts. */
import type {
  Price,
  PriceEntry,
  PriceTier,
  PriceTierEntry,
  PriceUnit,
  TieredPriceEntry,
  UnitPrices,
} from '../../contracts/catalogue/price-units.js';
import { formatMoney, parseMoney, type Micros } from '../../contracts/money.js';

/**
 * What costs nothing is left out, but where it takes the place of another price: in a tier, and for
 * cached tokens, which are input tokens where no line is theirs.
 */
export function priceOf({ tiers, ...entry }: TieredPriceEntry): Price {
  const units = Object.entries(amountsOf(entry)).filter(
    ([unit, micros]) => micros !== 0n || unit.endsWith('cached_input_tokens'),
  );
  return {
    ...(Object.fromEntries(units) as UnitPrices),
    ...(tiers && { tiers: tiers.map(tierOf) }),
  };
}

/** Without its tiers. */
export function priceEntryOf({ tiers: _, ...price }: Price): PriceEntry {
  const lines = Object.entries(price) as [PriceUnit, Micros][];
  return Object.fromEntries(lines.map(([unit, micros]) => [unit, formatMoney(micros)]));
}

/** Undefined where there is none. */
export const tierEntriesOf = ({ tiers }: Price): readonly PriceTierEntry[] | undefined =>
  tiers?.map(({ above_input_tokens, ...units }) => ({
    above_input_tokens,
    ...priceEntryOf(units),
  }));

const tierOf = ({ above_input_tokens, ...entry }: PriceTierEntry): PriceTier => ({
  above_input_tokens,
  ...amountsOf(entry),
});

const amountsOf = (entry: PriceEntry): UnitPrices =>
  Object.fromEntries(Object.entries(entry).map(([unit, text]) => [unit, parseMoney(text) ?? 0n]));
