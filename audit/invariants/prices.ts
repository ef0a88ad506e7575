/**
 * I4: an execution costs what was promised when it was accepted: the price of its route in that
 * catalogue version, by what it used. Of versions and units that the log does not tell, nothing
 * can be said. The sums are the auditor's own.
 */
import type { PricesPublished } from '../../contracts/events/catalogue.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { Usage } from '../../contracts/events/execution.js';
import { formatMoney, parseMoney, type Micros } from '../../contracts/money.js';
import type { OpenExecution, OpenItems, PromisedPrice } from '../open-items.js';

export function auditPricesPublished(
  { findings, prices }: OpenItems,
  { stream, data }: RecordedEvent<PricesPublished>,
): undefined {
  const { version, models } = data;
  if (stream !== `catalogue-${version}`)
    findings.add('I4', stream, `it has prices of the version ${version}`);
  const known = prices.get(version) ?? new Map<string, ReadonlyMap<string, PromisedPrice>>();
  prices.set(version, known);
  for (const { slug, routes } of models) {
    if (known.has(slug)) findings.add('I4', stream, `the prices of ${slug} are there twice`);
    else known.set(slug, new Map(routes.map((route) => [route.name, route])));
  }
}

/** Why `rated` is not what was promised; undefined where it is, or where nobody can tell. */
export function wrongPrice(
  { prices }: OpenItems,
  { request, route, model }: OpenExecution,
  usage: Usage,
  rated: Micros,
): string | undefined {
  if (!request || route === undefined || model === undefined) return undefined;
  const promised = prices.get(request.catalogueVersion)?.get(model);
  if (!promised) return undefined;
  const all = [...promised.values()].map((price) => sumOf(price, usage));
  const same = promised.get(route);
  const due = same ? sumOf(same, usage) : undefined;
  const by = `by the prices of ${request.catalogueVersion}`;
  if (due !== undefined && rated !== due)
    return `its price is ${formatMoney(rated)}, and ${formatMoney(due)} ${by}`;
  // A route that is newer than the promise costs no more than the dearest that was promised.
  if (!same && all.every((sum) => sum !== undefined && sum < rated))
    return `its price is ${formatMoney(rated)}, and no route costs as much ${by}`;
  return undefined;
}

/** Undefined for a unit that this auditor does not know. */
function sumOf({ price: base, priceTiers = [] }: PromisedPrice, usage: Usage): Micros | undefined {
  let price = base;
  for (const { above_input_tokens: above, ...units } of priceTiers)
    if ((usage.inputTokens ?? 0) > above) price = { ...base, ...units };
  const hasCachePrice = Object.keys(price).some((unit) => unit.endsWith('cached_input_tokens'));
  let sum = 0n;
  for (const [unit, text] of Object.entries(price)) {
    const counted = countOf(unit, usage, hasCachePrice);
    const each = parseMoney(text);
    if (counted === undefined || each === undefined) return undefined;
    const { count, perUnit } = counted;
    sum += (each * BigInt(count) + perUnit - 1n) / perUnit;
  }
  return sum;
}

interface Counted {
  readonly count: number;
  readonly perUnit: bigint;
}

function countOf(unit: string, usage: Usage, hasCachePrice: boolean): Counted | undefined {
  const [, size, what = ''] = /^per_(?:(1[km])_)?(.+)$/.exec(unit) ?? [];
  const scale = size === '1k' ? 1_000n : size === '1m' ? 1_000_000n : 1n;
  const of = (count = 0, perUnit = scale): Counted => ({ count, perUnit });
  const { inputTokens = 0, cachedInputTokens = 0, seconds = 0 } = usage;
  const cached = Math.min(cachedInputTokens, inputTokens);
  const milliseconds = Math.ceil(Math.round(seconds * 1e6) / 1e3);
  switch (what) {
    case 'request':
      return of(1);
    case 'image':
      return of(usage.images);
    case 'megapixel':
      return of(usage.pixels, 1_000_000n);
    case 'second':
      return of(milliseconds, 1_000n);
    case 'minute':
      return of(milliseconds, 60_000n);
    case 'character':
    case 'characters':
      return of(usage.characters);
    case 'input_tokens':
      return of(hasCachePrice ? inputTokens - cached : inputTokens);
    case 'cached_input_tokens':
      return of(cached);
    case 'output_tokens':
      return of(usage.outputTokens);
    default:
      return undefined;
  }
}
