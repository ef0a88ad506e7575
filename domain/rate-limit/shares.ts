/**
 * How a limit is shared by those that want some of it: whoever wants less than an equal part gets
 * what it wants, the others share the rest, and what nobody wants is shared by all. A share is
 * granted only out of what others do not have: the shares never add up to more than the limit, and
 * whoever has too much makes room when it renews its own.
 */
export interface Holder {
  /** What it has now. */
  readonly share: number;
  /** What it could use. */
  readonly demand: number;
}

/** What a holder with that demand has from now on, whatever it had. */
export function shareFor(limit: number, demand: number, others: readonly Holder[]): number {
  const free = others.reduce((rest, { share }) => rest - share, limit);
  return Math.max(0, Math.min(fairPart(limit, demand, others), free));
}

function fairPart(limit: number, demand: number, others: readonly Holder[]): number {
  const own = { demand };
  const count = others.length + 1;
  let rest = limit;
  let left = count;
  let part = 0;
  for (const holder of [own, ...others].toSorted((a, b) => a.demand - b.demand)) {
    const given = Math.min(holder.demand, rest / left);
    if (holder === own) part = given;
    rest -= given;
    left -= 1;
  }
  return part + Math.max(0, rest) / count;
}
