/** Conditions of a list, joined by AND, with their values as parameters. */
import { Refusal, type ApiRequest } from '../http/server/route.js';

interface Conditions {
  readonly values: readonly unknown[];
  /** `?` in the text stands for the values in turn. */
  add(text: string, ...values: unknown[]): void;
  /** `$n` of one more value. */
  parameter(value: unknown): string;
  toString(): string;
}

export function openConditions(): Conditions {
  const values: unknown[] = [];
  const texts: string[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  return {
    values,
    parameter,
    add(text, ...given) {
      const parts = text.split('?');
      texts.push(parts.reduce((sql, part, n) => sql + parameter(given[n - 1]) + part));
    },
    toString: () => texts.join(' AND '),
  };
}

export interface Range {
  readonly from?: Date;
  readonly to?: Date;
}

/** `created_from` and `created_to`. Throws a `Refusal` for what is no moment. */
export function createdRangeOf({ queryValues }: ApiRequest): Range {
  const from = momentIn(queryValues, 'created_from');
  const to = momentIn(queryValues, 'created_to');
  return { ...(from && { from }), ...(to && { to }) };
}

function momentIn(values: Readonly<Record<string, unknown>>, field: string): Date | undefined {
  const text = values[field];
  if (typeof text !== 'string') return undefined;
  const moment = new Date(text);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    { field, code: 'pattern', message: 'is no moment of the calendar' },
  ]);
}
