/** The header `Prefer` (RFC 7240). What is not understood is ignored, as the standard wants it. */

/** A reader is held for no longer. */
export const WAIT_SECONDS_MAX = 60;

const preference = /^\s*wait\s*=\s*(?:"(\d{1,9})"|(\d{1,9}))\s*(?:;.*)?$/i;

/** Whole seconds, within the most that is granted; undefined without the preference `wait`. */
export function waitSecondsOf(prefer: string | undefined): number | undefined {
  for (const one of prefer?.split(',') ?? []) {
    const [match, quoted, bare] = preference.exec(one) ?? [];
    if (match !== undefined) return Math.min(Number(quoted ?? bare), WAIT_SECONDS_MAX);
  }
  return undefined;
}
