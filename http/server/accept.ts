/** Content negotiation by `Accept` (RFC 9110). */

interface Range {
  readonly type: string;
  readonly quality: number;
}

/**
 * The one of the types on offer that the header likes best: by quality, then the one that is named
 * more exactly, then by the header's order. The first on offer without a header, and where none
 * will do.
 */
export function preferred(
  accept: string | undefined,
  offer: readonly [string, ...string[]],
): string {
  const ranges = rangesOf(accept);
  let best = { type: offer[0], quality: 0, exactness: 0, index: Infinity };
  for (const type of offer) {
    const liked = likingOf(type, ranges);
    const isBetter =
      liked.quality > best.quality ||
      (liked.quality === best.quality &&
        liked.quality > 0 &&
        (liked.exactness > best.exactness ||
          (liked.exactness === best.exactness && liked.index < best.index)));
    if (isBetter) best = { type, ...liked };
  }
  return best.type;
}

/** Whether the header names the type itself. */
export const isNamed = (accept: string | undefined, type: string): boolean =>
  accept !== undefined &&
  accept.toLowerCase().includes(type) &&
  rangesOf(accept).some((range) => range.type === type && range.quality > 0);

const quality = /;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)/i;

function rangesOf(accept: string | undefined): readonly Range[] {
  if (accept === undefined) return [];
  return accept.split(',').map((text) => {
    const type = (text.split(';', 1)[0] ?? '').trim().toLowerCase();
    return { type, quality: Number(quality.exec(text)?.[1] ?? 1) };
  });
}

/** The most exact range that covers a type decides about it. */
function likingOf(type: string, ranges: readonly Range[]) {
  const covering = [type, `${type.split('/', 1)[0]}/*`, '*/*'];
  for (const [less, range] of covering.entries()) {
    const index = ranges.findIndex((one) => one.type === range);
    const found = ranges[index];
    if (found) return { quality: found.quality, exactness: covering.length - less, index };
  }
  return { quality: 0, exactness: 0, index: Infinity };
}
