/** The categories in which a caller is told what a moderation found. */
const patterns: readonly (readonly [category: string, RegExp])[] = [
  ['sexual', /sexual|nsfw|nudity|porn|csam|minors/],
  ['hate', /hate|harass|racis|discriminat/],
  ['self_harm', /self[-_ /]?harm|suicid/],
  ['violence', /violen|gore|graphic/],
  ['illicit', /illicit|illegal|dangerous|weapon|drug|crimin|terror|fraud|cyber|jailbreak/],
  ['privacy', /privacy|personal|\bpii\b|spii|likeness|public figure/],
];

/** `found` as providers spell it; `text` only where it is followed by what they found. */
export function categoriesOf(found: readonly string[], text: string): string[] {
  const [, listed = ''] =
    /(?:safety_violations|categories|reasons)\W{1,4}([a-z_/ ,'"-]{3,120})/.exec(text) ?? [];
  const words = [...found, ...listed.split(',')].map((one) => one.toLowerCase());
  const known = patterns.filter(([, is]) => words.some((word) => is.test(word)));
  return known.map(([category]) => category);
}
