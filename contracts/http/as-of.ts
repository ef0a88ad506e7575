/**
 * `as_of`: an earlier moment at which something is read. A time or a number; what is counted by the
 * number depends on who asks: tenants count their own events, operators name positions of the log.
 */
import { momentMs } from './moment.js';
import type { Schema } from './parts.js';

export type AsOf =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'number'; readonly number: bigint };

/** Undefined for what is neither. */
export function asOfIn(text: string): AsOf | undefined {
  if (NUMBER.test(text)) return { kind: 'number', number: BigInt(text) };
  const ms = momentMs(text);
  return ms === undefined ? undefined : { kind: 'time', ms };
}

const NUMBER = /^\d{1,18}$/;

const PATTERN =
  '^(\\d{1,18}|\\d{4}-\\d\\d-\\d\\d' +
  '(T\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?(Z|[ +-]\\d\\d:\\d\\d))?)$';

const asOf = (description: string): Schema => ({
  type: 'string',
  maxLength: 40,
  pattern: PATTERN,
  description,
  examples: ['2026-01-31T12:00:00Z', '4711'],
});

/** The query of a tenant's read that can be answered for an earlier moment. */
export const asOfField: Readonly<Record<string, Schema>> = {
  'as_of?': asOf(
    'As it was then: an RFC 3339 time, up to and with that moment, or the `sequence` of an event ' +
      'of `GET /v1/events`, right after that event.',
  ),
};

/** The same for operators. */
export const operatorAsOfField: Readonly<Record<string, Schema>> = {
  'as_of?': asOf(
    'As it was then: an RFC 3339 time, up to and with that moment, or a position of the log, ' +
      'right after the event there.',
  ),
};
