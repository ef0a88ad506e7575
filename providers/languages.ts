/** Languages as ISO 639-1 has them, for servers that answer with their English names. */
const CODES =
  'af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha he hi ' +
  'hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl ' +
  'nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur ' +
  'uz vi yi yo zh';

const codesByName: ReadonlyMap<string, string> = (() => {
  const names = new Intl.DisplayNames('en', { type: 'language' });
  const pairs = CODES.split(' ').map((code): [string, string] => [
    (names.of(code) ?? code).toLowerCase(),
    code,
  ]);
  return new Map(pairs);
})();

/** Undefined for what names no language. */
export function languageCode(given: unknown): string | undefined {
  if (typeof given !== 'string' || given === '') return undefined;
  const name = given.toLowerCase();
  if (/^[a-z]{2,3}([-_][a-z0-9]{2,8})*$/.test(name)) return name.replaceAll('_', '-');
  return codesByName.get(name);
}
