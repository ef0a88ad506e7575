/** Lengths and moments as providers write them in headers and in sentences. */

const MS_PER: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const STEP =
  '(\\d{1,20}(?:\\.\\d{1,9})?)\\s?' +
  '(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])';

const STEPS = new RegExp(`^(?:${STEP}\\s?){1,5}$`, 'i');

/** `7`, `7s`, `120ms`, `6m0s`, `1h2m3.5s`, `2 minutes`; a bare number is of seconds. */
export function durationMsOf(text: string): number | undefined {
  if (/^\d{1,20}(\.\d{1,9})?$/.test(text)) return Number(text) * 1_000;
  if (!STEPS.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit = ''] of text.matchAll(new RegExp(STEP, 'gi'))) {
    const short = /^mil|^ms/i.test(unit) ? 'ms' : unit.charAt(0).toLowerCase();
    ms += Number(count) * (MS_PER[short] ?? 0);
  }
  return ms;
}

const ASKED = new RegExp(
  '(?:try again|retry|retrying|available|wait|resets?)[^\\n\\d.]{0,40}?' + `((?:${STEP}\\s?){1,5})`,
  'i',
);

/** The pause that a sentence asks for: “Please try again in 6m0s.” */
export const pauseSaidIn = (sentence: string): string | undefined =>
  ASKED.exec(sentence)?.[1]?.trim();

/** Until the moment that a text names; less than nothing once it has passed. */
export function pauseUntil(text: string, nowMs: number): number | undefined {
  const atMs = dateMsOf(text);
  return atMs === undefined ? undefined : atMs - nowMs;
}

/** Only what begins like a date: `Date.parse` finds one in many a word. */
function dateMsOf(text: string): number | undefined {
  if (!/^((Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? |\d{4}-\d\d-\d\d)/.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : atMs;
}
