/**
 * Headers that have one value. Node joins some of them when they are repeated and drops others, so
 * that two idempotency keys would become a third; they are counted in what was sent.
 */

/** Each name has its own bit. */
const SINGLE: ReadonlyMap<string, number> = new Map(
  [
    'authorization',
    'content-encoding',
    'content-type',
    'expect',
    'host',
    'idempotency-key',
    'if-range',
    'last-event-id',
    'range',
    'traceparent',
    'x-admin-key',
    'x-request-id',
  ].map((name, index) => [name, 1 << index]),
);
const LENGTHS: ReadonlySet<number> = new Set([...SINGLE.keys()].map(({ length }) => length));

/** `rawHeaders` are names and values in turn. The name, in lower case, of one that is repeated. */
export function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] ?? '';
    if (!LENGTHS.has(given.length)) continue;
    const name = given.toLowerCase();
    const bit = SINGLE.get(name) ?? 0;
    if ((seen & bit) !== 0) return name;
    seen |= bit;
  }
  return undefined;
}
