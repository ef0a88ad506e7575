/** What `GET /v1/billing/usage` asks: groups, and the parts of its range. */
import { Refusal, type ApiRequest } from '../../http/server/route.js';
import { rangeOf, type Range } from '../created-range.js';

/** What sums are for. */
export type Dimension =
  | { readonly kind: 'day' | 'model' | 'api_key' }
  | { readonly kind: 'metadata'; readonly name: string };

export interface UsageQuestion {
  readonly dimensions: readonly Dimension[];
  /** Days that are whole, from one up to another that is not in it; read from their sums. */
  readonly days: { readonly from: string; readonly to: string } | undefined;
  /** What is no whole day, or asks for what days do not have; read settlement by settlement. */
  readonly spans: readonly Span[];
}

/** Up to a moment that is not in it. */
export interface Span {
  readonly from: Date;
  readonly to: Date;
}

const DAY_MS = 86_400_000;

/** Before and after everything that is charged. */
const FIRST_MS = Date.UTC(1970, 0, 1);
const LAST_MS = Date.UTC(9999, 11, 31);

/** Throws a `Refusal` for a query that cannot be answered. */
export function usageQuestionOf(request: ApiRequest): UsageQuestion {
  const dimensions = dimensionsOf(String(request.queryValues['group_by']));
  const range = rangeOf(request, 'from', 'to');
  const isByDay = dimensions.every(({ kind }) => kind !== 'metadata');
  return { dimensions, ...(isByDay ? partsOf(range) : wholly(range)) };
}

/** A key may have commas: only what begins another dimension ends one. */
function dimensionsOf(text: string): readonly Dimension[] {
  const dimensions = text.split(/,(?=(?:day|model|(?:api_)?key)$|metadata\.)/).map(dimensionOf);
  const names = dimensions.map(fieldOf);
  if (dimensions.length > 2 || new Set(names).size < names.length) throw twoOfThem();
  return dimensions;
}

function dimensionOf(text: string): Dimension {
  const [, name] = /^metadata\.(.+)$/s.exec(text) ?? [];
  if (name !== undefined) return { kind: 'metadata', name };
  return { kind: text === 'day' || text === 'model' ? text : 'api_key' };
}

/** The field of the answer that has its value. */
export function fieldOf(dimension: Dimension): string {
  if (dimension.kind === 'metadata') return `metadata.${dimension.name}`;
  return dimension.kind === 'api_key' ? 'api_key_id' : dimension.kind;
}

const twoOfThem = (): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    { field: 'group_by', code: 'pattern', message: 'names one dimension, or two different ones' },
  ]);

const boundsOf = ({ from, to }: Range) => ({
  fromMs: Math.max(from?.getTime() ?? FIRST_MS, FIRST_MS),
  toMs: Math.min(to?.getTime() ?? LAST_MS, LAST_MS),
});

function wholly(range: Range): Omit<UsageQuestion, 'dimensions'> {
  const { fromMs, toMs } = boundsOf(range);
  return { days: undefined, spans: spansOf([[fromMs, toMs]]) };
}

/** The whole days, and what is left of the days at both ends. */
function partsOf(range: Range): Omit<UsageQuestion, 'dimensions'> {
  const { fromMs, toMs } = boundsOf(range);
  const firstMs = Math.ceil(fromMs / DAY_MS) * DAY_MS;
  const lastMs = Math.floor(toMs / DAY_MS) * DAY_MS;
  if (firstMs >= lastMs) {
    const middleMs = Math.min(Math.max(firstMs, fromMs), toMs);
    const spans: [number, number][] = [
      [fromMs, middleMs],
      [middleMs, toMs],
    ];
    return { days: undefined, spans: spansOf(spans) };
  }
  return {
    days: { from: dayAt(firstMs), to: dayAt(lastMs) },
    spans: spansOf([
      [fromMs, firstMs],
      [lastMs, toMs],
    ]),
  };
}

const spansOf = (bounds: readonly (readonly [number, number])[]): readonly Span[] =>
  bounds
    .filter(([fromMs, toMs]) => fromMs < toMs)
    .map(([fromMs, toMs]) => ({ from: new Date(fromMs), to: new Date(toMs) }));

/** In UTC: `2026-01-31`. */
export const dayAt = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
