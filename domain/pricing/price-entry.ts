/** Price lists in the words of the catalogue file, and as amounts. */
import type { Price, PriceEntry, PriceUnit } from '../../contracts/catalogue/price-units.js';
import { formatMoney, parseMoney, type Micros } from '../../contracts/money.js';

/** What costs nothing is left out. */
export function priceOf(entry: PriceEntry): Price {
  const lines = Object.entries(entry).map(([unit, text]) => [unit, parseMoney(text) ?? 0n]);
  return Object.fromEntries(lines.filter(([, micros]) => micros !== 0n)) as Price;
}

export function priceEntryOf(price: Price): PriceEntry {
  const lines = Object.entries(price) as [PriceUnit, Micros][];
  return Object.fromEntries(lines.map(([unit, micros]) => [unit, formatMoney(micros)]));
}
