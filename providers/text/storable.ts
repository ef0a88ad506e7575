/** What a provider wrote, as every store can keep it. */

/** NUL and lone surrogates have no place in a database or in UTF-8; they become U+FFFD. */
export const storableText = (text: string): string => text.replace(/[\0\ud800-\udfff]/gu, '\ufffd');

const DEPTH_MAX = 64;

/** The same of a JSON value, its keys included; undefined where it is nested too deep. */
export function storable(value: unknown): { readonly value: unknown } | undefined {
  try {
    return { value: cleaned(value, 0) };
  } catch (error) {
    if (error instanceof TooDeep) return undefined;
    throw error;
  }
}

class TooDeep extends Error {}

function cleaned(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return storableText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEPTH_MAX) throw new TooDeep();
  if (Array.isArray(value)) return value.map((one) => cleaned(one, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [storableText(name), cleaned(one, depth + 1)]),
  );
}
