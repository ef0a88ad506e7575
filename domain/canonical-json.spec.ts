import { expect } from 'chai';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { jsonValues } from '../testing/json-values.js';
import { canonicalJson, openCanonicalWriter, sha256Hex, stringText } from './canonical-json.js';

describe('canonicalJson', () => {
  it('writes the example of RFC 8785 section 3.2.2', () => {
    const value: unknown = JSON.parse(`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalJson(value)).to.equal(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units, as RFC 8785 section 3.2.3 shows', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const value = Object.fromEntries(keys.map((key) => [key, 0]));
    expect(Object.keys(JSON.parse(canonicalJson(value)) as object).length).to.equal(7);
    expect(canonicalJson(value)).to.equal(
      '{"\\r":0,"1":0,"\u0080":0,"\u00f6":0,"\u20ac":0,"\u{1f600}":0,"\ufb33":0}',
    );
  });

  it('sorts numeric keys as text, wherever the engine keeps them', () => {
    expect(canonicalJson({ 9: 0, 10: 0, a: 0 })).to.equal('{"10":0,"9":0,"a":0}');
  });

  it('writes minus zero as zero and leaves undefined members out', () => {
    expect(canonicalJson({ a: -0, b: undefined, c: {} })).to.equal('{"a":0,"c":{}}');
  });

  it('throws on what JSON cannot say', () => {
    for (const value of [1n, Number.NaN, Number.POSITIVE_INFINITY, undefined, [undefined]]) {
      expect(() => canonicalJson(value)).to.throw(TypeError);
    }
  });

  it('agrees with the reference implementation', () => {
    fc.assert(
      fc.property(jsonValues, (value) => {
        expect(canonicalJson(value)).to.equal(canonicalize(value));
      }),
    );
  });

  it('gives one hash whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(sha256Hex(canonicalJson(reversed(value)))).to.equal(sha256Hex(canonicalJson(value)));
      }),
    );
  });
});

describe('a writer of objects that have the same keys', () => {
  const keys = fc.constantFrom(
    'a',
    'b',
    '10',
    '9',
    'ß',
    '"',
    '\\',
    '\u007f',
    '\u001f',
    '\ud83d\ude00',
  );
  const object = fc.dictionary(keys, jsonValues, {
    noNullPrototype: true,
  });

  it('writes what canonicalJson does', () => {
    const write = openCanonicalWriter();
    fc.assert(
      fc.property(object, fc.boolean(), (value, isUndefined) => {
        const given = isUndefined ? { ...value, c: undefined } : value;
        expect(write(given)).to.equal(canonicalJson(given));
        expect(write({ ...given })).to.equal(canonicalJson(given));
      }),
    );
    expect(() => write({ a: 1n })).to.throw(TypeError);
  });

  it('writes a string as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(stringText(text)).to.equal(JSON.stringify(text));
      }),
    );
  });
});

describe('sha256Hex', () => {
  it('digests text as UTF-8 and bytes as they are', () => {
    const digest = '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c';
    expect(sha256Hex('é')).to.equal(digest);
    expect(sha256Hex(Buffer.from('é'))).to.equal(digest);
  });
});

function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  const members = Object.entries(value).map(([key, member]) => [key, reversed(member)] as const);
  return Object.fromEntries(members.reverse());
}
