/**
 * What callbacks are checked by and a provider hands out: a secret, public keys. It is asked for
 * once, remembered for a day, and asked for again when nothing fits it, since it may have changed:
 * at most once in half a minute, however many callbacks are forged.
 */
export interface Remembered<C, T> {
  /** `fits` says whether the callback was made with it. */
  check(
    name: string,
    call: C,
    fits: (value: T) => boolean,
  ): Promise<'genuine' | 'forged' | 'unchecked'>;
}

const DAY_MS = 24 * 3_600_000;
const AGAIN_MS = 30_000;
/** Providers of one catalogue; the oldest are forgotten first. */
const NAMES_MAX = 100;

interface Entry<T> {
  readonly askedAtMs: number;
  /** Undefined where it could not be had. */
  readonly value: Promise<T | undefined>;
}

export function openRemembered<C, T>(
  ask: (call: C) => Promise<T | undefined>,
  nowMs: () => number = () => performance.now(),
): Remembered<C, T> {
  const entries = new Map<string, Entry<T>>();
  const askedSince = (name: string, call: C, ageMaxMs: number): Entry<T> => {
    const known = entries.get(name);
    if (known && nowMs() - known.askedAtMs < ageMaxMs) return known;
    // What was had before stands where it cannot be asked for now.
    const value = ask(call).then((had) => had ?? known?.value);
    const entry = { askedAtMs: nowMs(), value };
    entries.delete(name);
    entries.set(name, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= NAMES_MAX) break;
      entries.delete(oldest);
    }
    return entry;
  };
  return {
    async check(name, call, fits) {
      const known = await askedSince(name, call, DAY_MS).value;
      if (known !== undefined && fits(known)) return 'genuine';
      const again = await askedSince(name, call, AGAIN_MS).value;
      if (again === undefined) return 'unchecked';
      return fits(again) ? 'genuine' : 'forged';
    },
  };
}
