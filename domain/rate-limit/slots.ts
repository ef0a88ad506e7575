/**
 * How the slots of a provider are shared by those that call it: whole slots, first what each wants
 * as evenly as can be, then what nobody wants, evenly too, but for a tenth that stays free for
 * whoever asks next where each has one already. Where there are fewer slots than wanting holders,
 * the turn says who comes first, so that with time each has its own.
 */
export interface SlotHolder {
  readonly name: string;
  /** What it could use. */
  readonly demand: number;
}

/** What it holds now. */
export interface SlotShare extends SlotHolder {
  readonly slots: number;
}

/** What `own` may take of what it is to have, as far as the others have left it by now. */
export function slotsLeftFor(
  limit: number,
  own: SlotHolder,
  others: readonly SlotShare[],
  turn: number,
): number {
  const left = others.reduce((rest, { slots }) => rest - slots, limit);
  return Math.max(0, Math.min(slotsFor(limit, own, others, turn), left));
}

/** What `own` is to have; `turn` is a whole number that all holders count alike. */
export function slotsFor(
  limit: number,
  own: SlotHolder,
  others: readonly SlotHolder[],
  turn: number,
): number {
  const all = [own, ...others].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const parts = all.map(() => 0);
  const give = (index: number, more: number) => {
    parts[index] = (parts[index] ?? 0) + more;
    rest -= more;
  };
  let rest = limit;
  for (;;) {
    const wanting = all
      .map(({ demand }, index) => ({ index, lacks: demand - (parts[index] ?? 0) }))
      .filter(({ lacks }) => lacks > 0);
    if (wanting.length === 0 || rest === 0) break;
    const each = Math.floor(rest / wanting.length);
    if (each > 0) for (const { index, lacks } of wanting) give(index, Math.min(each, lacks));
    else for (let n = 0; rest > 0; n++) give(wanting[(turn + n) % wanting.length]?.index ?? 0, 1);
  }
  const first = parts.includes(0) ? Math.min(rest, all.length) : 0;
  const unwanted = Math.max(first, rest - Math.ceil(limit / FREE_PART));
  return (parts[all.indexOf(own)] ?? 0) + Math.floor(unwanted / all.length);
}

/** One of so many slots stays free while nobody wants it. */
const FREE_PART = 10;
