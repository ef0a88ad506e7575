/** Bytes of a file that are replaced while it is read; the file stays as long as it is. */
import { TooManyParts } from '../bounded.js';

/** From `start` to before `end`: `head`, and then `fill` over and over. */
export interface Patch {
  readonly start: number;
  readonly end: number;
  readonly head: Buffer;
  readonly fill: number;
}

export const blanked = (start: number, end: number, head: Buffer = NOTHING, fill = 0): Patch => ({
  start,
  end,
  head: head.length <= end - start ? head : NOTHING,
  fill,
});

const NOTHING = Buffer.alloc(0);

/** They are all in memory while the file is read. */
const PATCHES_MAX = 50_000;

/** Throws `TooManyParts`. */
export function checkCount({ length }: { readonly length: number }): void {
  if (length > PATCHES_MAX) throw new TooManyParts(`more than ${PATCHES_MAX} patches of a file`);
}

/** XMP of blanks is XMP that says nothing. */
export const BLANK = 0x20;

/** The same bytes, of which the first is at `start`, with the patches over them. */
export async function* patched(
  source: AsyncIterable<Buffer>,
  patches: readonly Patch[],
  start: number,
): AsyncGenerator<Buffer> {
  const sorted = apart(patches);
  let next = 0;
  let at = start;
  for await (const chunk of source) {
    const end = at + chunk.length;
    while (sorted[next] && (sorted[next] as Patch).end <= at) next += 1;
    let copy: Buffer | undefined;
    for (let i = next; i < sorted.length; i += 1) {
      const patch = sorted[i] as Patch;
      if (patch.start >= end) break;
      copy ??= Buffer.from(chunk);
      lay(patch, copy, at);
    }
    yield copy ?? chunk;
    at = end;
  }
}

/** In their order, each byte in one of them: one that begins within another begins behind it. */
function apart(patches: readonly Patch[]): readonly Patch[] {
  const separate: Patch[] = [];
  let end = 0;
  for (const patch of patches.toSorted((a, b) => a.start - b.start)) {
    if (patch.end <= Math.max(end, patch.start)) continue;
    separate.push(patch.start >= end ? patch : blanked(end, patch.end, undefined, patch.fill));
    end = patch.end;
  }
  return separate;
}

/** `at`: where in the file the chunk begins. */
function lay({ start, end, head, fill }: Patch, chunk: Buffer, at: number): void {
  const from = Math.max(start, at);
  const to = Math.min(end, at + chunk.length);
  if (from >= to) return;
  chunk.fill(fill, from - at, to - at);
  const headFrom = from - start;
  if (headFrom < head.length) head.copy(chunk, from - at, headFrom, to - start);
}
