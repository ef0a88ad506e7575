/**
 * I4: an execution costs what was promised when it was accepted: the price of its route in that
 * catalogue version, by what it used. Of versions and units that the log does not tell, nothing
 * can be said. The sums are the auditor's own.
 */
import type { PriceEntry } from '../../contracts/catalogue/catalogue.schema.js';
import type { CatalogueEvent } from '../../contracts/events/catalogue.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { Usage } from '../../contracts/events/execution.js';
import { formatMoney, parseMoney, type Micros } from '../../contracts/money.js';
import type { OpenExecution, OpenItems } from '../open-items.js';

export function auditPricesPublished(
  { findings, prices }: OpenItems,
  { stream, data }: RecordedEvent<CatalogueEvent>,
): undefined {
  const { version, models } = data;
  if (stream !== `catalogue-${version}`)
    findings.add('I4', stream, `it has prices of the version ${version}`);
  const known = prices.get(version) ?? new Map<string, ReadonlyMap<string, PriceEntry>>();
  prices.set(version, known);
  for (const { slug, routes } of models) {
    if (known.has(slug)) findings.add('I4', stream, `the prices of ${slug} are there twice`);
    else known.set(slug, new Map(routes.map(({ name, price }) => [name, price])));
  }
}

/** Why `rated` is not what was promised; undefined where it is, or where nobody can tell. */
export function wrongPrice(
  { prices }: OpenItems,
  { request, route }: OpenExecution,
  usage: Usage,
  rated: Micros,
): string | undefined {
  if (!request || route === undefined) return undefined;
  const promised = prices.get(request.catalogueVersion)?.get(request.model);
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
function sumOf(price: PriceEntry, usage: Usage): Micros | undefined {
  let sum = 0n;
  for (const [unit, text] of Object.entries(price)) {
    const count = countOf[unit]?.(usage);
    const each = parseMoney(text);
    if (count === undefined || each === undefined) return undefined;
    sum += (each * count + 999n) / 1000n;
  }
  return sum;
}

/** Thousandths of the unit. */
const countOf: Readonly<Record<string, (usage: Usage) => bigint>> = {
  per_request: () => 1_000n,
  per_image: ({ images = 0 }) => BigInt(images) * 1_000n,
  per_second: ({ seconds = 0 }) => {
    const millionths = BigInt(Math.round(seconds * 1e6));
    return (millionths + 999n) / 1000n;
  },
  per_1k_input_tokens: ({ inputTokens = 0 }) => BigInt(inputTokens),
  per_1k_output_tokens: ({ outputTokens = 0 }) => BigInt(outputTokens),
};
