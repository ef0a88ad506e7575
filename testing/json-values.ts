/** Any JSON, with texts of any code points, for properties. */
import fc from 'fast-check';

const SURROGATES = 0x800;
const FIRST_SURROGATE = 0xd800;
const CODE_POINTS = 0x110000;

/** As the unit `binary` of fast-check, which makes a table of all of them at its first use. */
const character = fc
  .nat(CODE_POINTS - SURROGATES - 1)
  .map((n) => String.fromCodePoint(n < FIRST_SURROGATE ? n : n + SURROGATES));

export const jsonValues = fc.jsonValue({ stringUnit: character });
