/** Moments as callers write them: a date, or ISO 8601 with its time zone. */

const DATE = '(\\d{4})-(\\d\\d)-(\\d\\d)';
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d{1,9})?)?';
const ZONE = '(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
const form = new RegExp(`^${DATE}(?:T${TIME}${ZONE})?$`);

/**
 * Milliseconds since the epoch; undefined for what is no moment, or a day that its month does not
 * have, which JavaScript would take for one of the next month. A plus sign that came unencoded in a
 * query is a space here, and is read as the sign that it was.
 */
export function momentMs(text: string): number | undefined {
  const iso = text.replace(' ', '+');
  const [, year, month, day] = form.exec(iso) ?? [];
  if (day === undefined || Number(day) < 1) return undefined;
  if (Number(day) > daysIn(Number(year), Number(month))) return undefined;
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? undefined : ms;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
