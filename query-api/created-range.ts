/** The filter of lists by a range of time. */
import type { Knex } from 'knex';
import { momentMs } from '../contracts/http/moment.js';
import { Refusal, type ApiRequest } from '../http/server/route.js';

export interface Range {
  readonly from?: Date;
  readonly to?: Date;
}

/** From the beginning of the range up to its end, which is not in it. */
export function whereInRange(query: Knex.QueryBuilder, column: string, { from, to }: Range): void {
  if (from) void query.where(column, '>=', from);
  if (to) void query.where(column, '<', to);
}

/** `created_from` and `created_to`. Throws a `Refusal` for text that is no date. */
export const createdRangeOf = (request: ApiRequest): Range =>
  rangeOf(request, 'created_from', 'created_to');

/** Of two parameters by these names. Throws a `Refusal` for text that is no date. */
export function rangeOf({ queryValues }: ApiRequest, begin: string, end: string): Range {
  const from = momentIn(queryValues, begin);
  const to = momentIn(queryValues, end);
  return { ...(from && { from }), ...(to && { to }) };
}

function momentIn(values: Readonly<Record<string, unknown>>, field: string): Date | undefined {
  const text = values[field];
  if (typeof text !== 'string') return undefined;
  const ms = momentMs(text);
  if (ms !== undefined) return new Date(ms);
  throw new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    { field, code: 'pattern', message: 'is no moment of the calendar' },
  ]);
}
