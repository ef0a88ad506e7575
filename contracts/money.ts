/**
 * Money: `bigint` micros of a US dollar inside, decimal strings on the wire ("0.048"), never a
 * float. One dollar is 1,000,000 micros; the wire form has three to six decimals.
 */
export type Micros = bigint;

const MICROS_PER_DOLLAR = 1_000_000n;

/** What a wire amount looks like; a sign is allowed only where an adjustment is. */
export const MONEY_PATTERN = '^-?(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})?$';

const moneyForm = new RegExp(MONEY_PATTERN);

/** Of them every amount is exact as a number, which is worked with several times as fast. */
const NUMBER_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** "12.5" → 12_500_000n; undefined when the text is not an amount. Exact to one micro. */
export function parseMoney(text: string): Micros | undefined {
  if (!moneyForm.test(text)) return undefined;
  const negative = text.startsWith('-');
  const [whole = '0', fraction = ''] = (negative ? text.slice(1) : text).split('.');
  const micros = BigInt(whole) * MICROS_PER_DOLLAR + BigInt(fraction.padEnd(6, '0'));
  return negative ? -micros : micros;
}

/** 48_000n → "0.048"; at least three decimals, trailing zeros beyond them dropped. */
export function formatMoney(micros: Micros): string {
  if (micros >= 0n && micros <= NUMBER_MAX) return formatNumber(Number(micros));
  const negative = micros < 0n;
  const digits = (negative ? -micros : micros).toString().padStart(7, '0');
  const fraction = digits.slice(-6);
  const shown = fraction.endsWith('000') ? fraction.slice(0, 3) : fraction.replace(/0+$/, '');
  return `${negative ? '-' : ''}${digits.slice(0, -6)}.${shown}`;
}

function formatNumber(micros: number): string {
  const dollars = Math.floor(micros / 1e6);
  let fraction = micros - dollars * 1e6;
  let decimals = 6;
  while (decimals > 3 && fraction % 10 === 0) {
    fraction /= 10;
    decimals--;
  }
  return `${dollars}.${String(fraction).padStart(decimals, '0')}`;
}
