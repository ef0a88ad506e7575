/** Price lists in the words of the catalogue file, and as amounts. */
import type { Price } from '../../contracts/catalogue/catalogue.js';
import type { PriceEntry, PriceUnit } from '../../contracts/catalogue/catalogue.schema.js';
import { formatMoney, parseMoney, type Micros } from '../../contracts/money.js';

export function priceOf(entry: PriceEntry): Price {
  const micros = (amount: string | undefined): Micros =>
    amount === undefined ? 0n : (parseMoney(amount) ?? 0n);
  return {
    perRequest: micros(entry.per_request),
    perImage: micros(entry.per_image),
    perSecond: micros(entry.per_second),
    per1kInputTokens: micros(entry.per_1k_input_tokens),
    per1kOutputTokens: micros(entry.per_1k_output_tokens),
  };
}

/** What costs nothing is left out. */
export function priceEntryOf(price: Price): PriceEntry {
  const units: readonly (readonly [PriceUnit, Micros])[] = [
    ['per_request', price.perRequest],
    ['per_image', price.perImage],
    ['per_second', price.perSecond],
    ['per_1k_input_tokens', price.per1kInputTokens],
    ['per_1k_output_tokens', price.per1kOutputTokens],
  ];
  return Object.fromEntries(
    units.filter(([, micros]) => micros > 0n).map(([unit, micros]) => [unit, formatMoney(micros)]),
  );
}
