/** Decimal numbers as public lists write them, brought to dollars a unit without a rounding. */

/** A number, digits times a power of ten: `0.00000015`, `1.5e-07`. */
interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** Undefined for what is no number, or is negative. A float is read by its shortest text. */
export function decimalOf(value: unknown): Decimal | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  const parts = /^(\d{1,30})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text.trim());
  if (!parts) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = parts;
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** Of a millionth of a dollar. */
const EXPONENT = -6;
const MICROS_MAX = 999_999_999_999n;

/**
 * `times` units of it in micros, `markup` percent dearer; undefined where it is finer than a
 * millionth or larger than a catalogue can say. A markup is rounded up, the price itself never.
 */
export function microsOf(
  { digits, exponent }: Decimal,
  times: bigint,
  markup = 0n,
): bigint | undefined {
  const shift = exponent - EXPONENT;
  const amount = digits * times;
  const scale = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && amount % scale !== 0n) return undefined;
  const micros = shift < 0 ? amount / scale : amount * scale;
  const dearer = (micros * (100n + markup) + 99n) / 100n;
  return dearer > MICROS_MAX ? undefined : dearer;
}
