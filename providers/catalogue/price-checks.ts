/** Prices that could not be charged as they are written. */
import type { ModelEntry } from '../../contracts/catalogue/model-entry.js';
import type { PriceEntry, TieredPriceEntry } from '../../contracts/catalogue/price-units.js';
import type { Modality } from '../../contracts/events/execution.js';
import { parseMoney } from '../../contracts/money.js';

/** Which prices can be charged for a modality; any other unit would never be counted. */
const unitsOf: Readonly<Record<Modality, RegExp>> = {
  text: /^per_(request|1[km]_(cached_)?input_tokens|1[km]_output_tokens)$/,
  image: /^per_(request|image|megapixel|1[km]_(cached_)?input_tokens|1[km]_output_tokens)$/,
  audio: /^per_(request|second|minute|character|1[km]_characters)$/,
  transcription: /^per_(request|second|minute)$/,
  embedding: /^per_(request|image|1[km]_input_tokens)$/,
  video: /^per_(request|second|minute)$/,
};

export function priceProblems(
  place: string,
  { tiers = [], ...price }: TieredPriceEntry,
  modality: Modality,
): string[] {
  const counts = ['text', 'image', 'embedding'].includes(modality);
  return [
    ...unitProblems(place, price, modality),
    ...pricedTwice(place, price),
    ...(tiers.length > 0 && !counts
      ? [`${place}.tiers: input tokens are never counted for the modality ${modality}`]
      : []),
    ...tiers.flatMap(({ above_input_tokens: above, ...units }, index) => {
      const at = `${place}.tiers[${index}]`;
      const { above_input_tokens: before = 0, ...own } = tiers[index - 1] ?? {};
      return [
        ...(above > before ? [] : [`${at}.above_input_tokens: must be more than ${before}`]),
        ...unitProblems(at, units, modality),
        ...pricedTwice(at, { ...price, ...units }),
        ...cheaperThan({ ...price, ...own }, { ...price, ...units }).map(
          (unit) => `${at}.${unit}: is less than before: a larger request may not cost less`,
        ),
      ];
    }),
  ];
}

/** What images are priced by, and no input says, `usage_default` has to say. */
export function imagePriceProblems(place: string, model: ModelEntry): string[] {
  const { modality, usage_default: usage = {}, input_schema: schema, routes } = model;
  if (modality !== 'image') return [];
  const units = routes.flatMap(({ price = {}, cost }) => Object.keys({ ...price, ...cost }));
  const properties = schema['properties'] as Record<string, { default?: unknown }> | undefined;
  const isSized = ['width', 'height'].every((side) => properties?.[side]?.default !== undefined);
  const needs = (unit: string, what: string) => [
    `${place}.usage_default: '${unit}' is missing; ${what} is priced, and no input says it`,
  ];
  return [
    ...(units.includes('per_megapixel') && !isSized && usage.pixels === undefined
      ? needs('pixels', 'the size of an image')
      : []),
    ...(units.some((unit) => unit.endsWith('_tokens')) && usage.output_tokens === undefined
      ? needs('output_tokens', 'the tokens of an image')
      : []),
  ];
}

function unitProblems(place: string, price: PriceEntry, modality: Modality): string[] {
  return Object.keys(price).flatMap((unit) =>
    unitsOf[modality].test(unit)
      ? []
      : [`${place}.${unit}: is never counted for the modality ${modality}`],
  );
}

/** Lines are added up, so two of one amount would charge it twice. */
function pricedTwice(place: string, price: PriceEntry): string[] {
  const units = Object.keys(price);
  return units.flatMap((unit, index) => {
    const other = units.slice(0, index).find((before) => amountOf(before) === amountOf(unit));
    return other === undefined ? [] : [`${place}.${unit}: prices what ${other} prices, too`];
  });
}

/** What a unit counts, in any scale. */
const amountOf = (unit: string): string =>
  unit
    .replace(/1[km]_/, '')
    .replace('characters', 'character')
    .replace('minute', 'second');

const cheaperThan = (before: PriceEntry, now: PriceEntry): readonly string[] =>
  (Object.keys(before) as (keyof PriceEntry)[]).filter(
    (unit) => (parseMoney(now[unit] ?? '0') ?? 0n) < (parseMoney(before[unit] ?? '0') ?? 0n),
  );
