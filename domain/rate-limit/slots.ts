/**
 * How the slots of a provider are shared by those that call it: whole slots, first what each wants
 * as evenly as can be, then what nobody wants. Where there are fewer slots than wanting holders,
 * the turn says who comes first, so that with time each has its own. What cannot be dealt evenly
 * among holders that want nothing stays free for whoever asks next.
 */
export interface SlotHolder {
  readonly name: string;
  /** What it could use. */
  readonly demand: number;
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
      .map(({ demand }, index) => ({
        index,
        lacks: demand - (parts[index] ?? 0),
      }))
      .filter(({ lacks }) => lacks > 0);
    const each = Math.floor(rest / wanting.length);
    if (wanting.length === 0 || rest === 0) break;
    if (each > 0) for (const { index, lacks } of wanting) give(index, Math.min(each, lacks));
    else for (let n = 0; rest > 0; n++) give(wanting[(turn + n) % wanting.length]?.index ?? 0, 1);
  }
  return (parts[all.indexOf(own)] ?? 0) + Math.floor(rest / all.length);
}
