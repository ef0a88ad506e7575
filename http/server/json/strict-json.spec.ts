import { expect } from 'chai';
import fc from 'fast-check';
import { jsonValues } from '../../../testing/json-values.js';
import { findProblem } from './json-problems.js';
import type { JsonProblemCode } from './json-problems.js';
import { readJson } from './strict-json.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const withKeys = (count: number): string =>
  `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',')}}`;
const bytesOf = (...bytes: number[]): Buffer => Buffer.from(bytes);

/** What arrives, how it is refused, and the byte at which the offence starts. */
const poison: [name: string, body: string | Buffer, code: JsonProblemCode, offset: number][] = [
  ['nothing', '', 'empty', 0],
  ['only spaces', ' \r\n\t', 'empty', 0],
  ['a byte order mark', '\ufeff{}', 'byte_order_mark', 0],
  ['a byte order mark alone', '\ufeff', 'byte_order_mark', 0],
  ['a stray continuation byte', bytesOf(0x22, 0x61, 0x80, 0x22), 'invalid_utf8', 2],
  ['a cut character', bytesOf(0x22, 0xc3, 0xa9, 0xe2, 0x82, 0x22), 'invalid_utf8', 3],
  ['a cut character at the end', bytesOf(0x22, 0xef), 'invalid_utf8', 1],
  ['a cut character like U+FFFD', bytesOf(0x22, 0xef, 0xbf, 0x61, 0x22), 'invalid_utf8', 1],
  ['an overlong NUL', bytesOf(0x22, 0xc0, 0x80, 0x22), 'invalid_utf8', 1],
  ['a surrogate in UTF-8', bytesOf(0x22, 0xed, 0xa0, 0x80, 0x22), 'invalid_utf8', 1],
  ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le'), 'invalid_utf8', 0],
  ['no JSON', 'hello', 'syntax', 0],
  ['two values', '{} {}', 'syntax', 3],
  ['a cut object', '{"a":1', 'syntax', 6],
  ['a cut string', '{"a":"b', 'syntax', 7],
  ['a cut escape', '"\\', 'syntax', 2],
  ['an unknown escape', '"\\x"', 'syntax', 2],
  ['a short escape', '"\\u12"', 'syntax', 1],
  ['a trailing comma', '[1,]', 'syntax', 3],
  ['a missing colon', '{"a" 1}', 'syntax', 5],
  ['a bare key', '{a:1}', 'syntax', 1],
  ['single quotes', "{'a':1}", 'syntax', 1],
  ['a comment', '{/* */}', 'syntax', 1],
  ['a line break in a string', '"a\nb"', 'syntax', 2],
  ['NaN', '[NaN]', 'syntax', 1],
  ['a leading zero', '[01]', 'syntax', 1],
  ['a leading plus', '[+1]', 'syntax', 1],
  ['a bare minus', '[-]', 'syntax', 1],
  ['a bare point', '[1.]', 'syntax', 1],
  ['a bare exponent', '[1e]', 'syntax', 1],
  ['a no-break space', '\u00a0{}', 'syntax', 0],
  ['NUL between values', '[1,\0 2]', 'syntax', 3],
  ['depth 65', nested(65), 'too_deep', 64],
  ['depth 10,000', nested(10_000), 'too_deep', 64],
  ['depth 10,000 and cut', '{"a":'.repeat(10_000), 'too_deep', 320],
  ['10,001 keys', withKeys(10_001), 'too_many_keys', 98_891],
  ['100,000 keys', withKeys(100_000), 'too_many_keys', 98_891],
  ['100,002 keys', withKeys(100_002), 'too_many_keys', 98_891],
  ['100,001 values', `[${'1,'.repeat(99_999)}1]`, 'too_many_values', 199_999],
  ['150,001 values', `[${'1,'.repeat(149_999)}1]`, 'too_many_values', 200_001],
  ['150,001 commas', ','.repeat(150_001), 'too_many_values', 100_000],
  ['100,001 values, empty ones', `[${'[],'.repeat(99_999)}{}]`, 'too_many_values', 299_998],
  ['a repeated key', '{"a":1,"b":2,"a":3}', 'duplicate_key', 13],
  ['a key repeated by an escape', '{"a":1,"\\u0061":2}', 'duplicate_key', 7],
  ['a repeated key far inside', '{"x":[{"y":{"é":1,"é":1}}]}', 'duplicate_key', 19],
  ['a repeated empty key', '{"":1,"":1}', 'duplicate_key', 6],
  ['a repeated numeric key', '{"1":1,"1":1}', 'duplicate_key', 7],
  ['__proto__', '{"__proto__":{"admin":true}}', 'forbidden_key', 1],
  ['__proto__ by an escape', '{"a":{"\\u005f_proto__":1}}', 'forbidden_key', 6],
  ['__proto__ twice', '{"__proto__":1,"__proto__":2}', 'forbidden_key', 1],
  ['an escaped NUL', '{"a":"b\\u0000c"}', 'nul_character', 7],
  ['an escaped NUL in a key', '{"\\u0000":1}', 'nul_character', 2],
  ['a raw NUL', '"a\0b"', 'nul_character', 2],
  ['a lone high surrogate', '["\\ud800"]', 'lone_surrogate', 2],
  ['a lone low surrogate', '["\\uDC00"]', 'lone_surrogate', 2],
  ['surrogates the wrong way round', '["\\ude00\\ud83d"]', 'lone_surrogate', 2],
  ['two high surrogates', '["\\ud83d\\ud83d\\ude00"]', 'lone_surrogate', 2],
  ['a high surrogate and a letter', '["\\ud83d\\u0041"]', 'lone_surrogate', 2],
  ['a lone surrogate in a key', '{"\\udfff":1}', 'lone_surrogate', 2],
  ['1e400', '[1e400]', 'number_overflow', 1],
  ['-1e400', '[-1E+400]', 'number_overflow', 1],
  ['a fraction beyond a double', `[${'9'.repeat(400)}.5]`, 'number_overflow', 1],
  ['2^53', '[9007199254740992]', 'unsafe_integer', 1],
  ['-2^53', '[-9007199254740992]', 'unsafe_integer', 1],
  ['2^53 + 1', '{"a":9007199254740993}', 'unsafe_integer', 5],
  ['an integer of 400 digits', '9'.repeat(400), 'unsafe_integer', 0],
];

const good: [name: string, body: string][] = [
  ['a scalar', ' 7 '],
  ['null', 'null'],
  ['the largest integers', '[9007199254740991,-9007199254740991]'],
  ['a long fraction', '[0.12345678901234567890123,-0.5e-10,1E5,-0,0.0]'],
  ['depth 64', nested(64)],
  ['10,000 keys', withKeys(10_000)],
  ['a surrogate pair', '["\\ud83d\\ude00 \u{1f600} \\uD7FF\\uE000"]'],
  ['Hangul escapes', '["\\ud55c\\uae00"]'],
  ['low control escapes', '["\\u0001\\u001f\\u00e9\\n\\/"]'],
  ['one key in two objects', '[{"a":1},{"a":1,"b":{"a":1}}]'],
  ['brackets, colons and numbers in strings', '{"{[:":"}]: 1e400 99999999999999999999 \\" \\\\"}'],
  ['a backslash before the quote', '["\\\\","\\\\\\""]'],
  ['a zero width no-break space inside', '["\ufeff"]'],
  ['U+FFFD itself', '["\ufffd"]'],
];

describe('readJson', () => {
  for (const [name, body, code, offset] of poison) {
    it(`refuses ${name}`, () => {
      const reading = readJson(Buffer.from(body as string));
      if (reading.ok) throw new Error('it was accepted');
      const { message, ...rest } = reading.problem;
      expect(rest).to.deep.equal({ code, offset });
      expect(message).to.match(/^[A-Z].*\.$/s);
    });
  }

  for (const [name, body] of good) {
    it(`accepts ${name}`, () => {
      const reading = readJson(Buffer.from(body));
      expect(reading).to.deep.equal({ ok: true, value: JSON.parse(body) });
    });
  }

  it('names a repeated key and shortens a long one', () => {
    const key = 'k'.repeat(100);
    expect(readJson(Buffer.from(`{"${key}":1,"${key}":2}`))).to.deep.equal({
      ok: false,
      problem: {
        code: 'duplicate_key',
        message: `The key "${'k'.repeat(64)}…" appears twice in one object.`,
        offset: 106,
      },
    });
  });

  it('keeps constructor and prototype as plain data that pollutes nothing', () => {
    const body = '{"constructor":{"prototype":{"polluted":1}},"prototype":2,"toString":3}';
    const reading = readJson(Buffer.from(body));
    expect(reading).to.deep.equal({ ok: true, value: JSON.parse(body) });
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  it('obeys the limits it is given', () => {
    const codeOf = (body: string, limits: Parameters<typeof readJson>[1]): string => {
      const reading = readJson(Buffer.from(body), limits);
      return reading.ok ? 'accepted' : reading.problem.code;
    };
    expect(codeOf('[[1]]', { depthMax: 2 })).to.equal('accepted');
    expect(codeOf('[[[1]]]', { depthMax: 2 })).to.equal('too_deep');
    expect(codeOf('{"a":1,"b":2}', { keysMax: 2 })).to.equal('accepted');
    expect(codeOf('{"a":1,"b":{"c":2}}', { keysMax: 2 })).to.equal('too_many_keys');
  });

  it('reads the bytes it is given and none beside them', () => {
    const pool = Buffer.from('xx{"a":1}yy');
    expect(readJson(pool.subarray(2, 9))).to.deep.equal({ ok: true, value: { a: 1 } });
  });

  it('gives for any JSON what JSON.parse gives', () => {
    fc.assert(
      fc.property(jsonValues, (value) => {
        const text = JSON.stringify(value);
        const reading = readJson(Buffer.from(text));
        if (reading.ok) expect(reading.value).to.deep.equal(JSON.parse(text));
        else expect(isRefusedClass(value, text)).to.equal(true, reading.problem.message);
      }),
      { numRuns: 500 },
    );
  });

  it('never accepts what JSON.parse refuses, and calls nothing bad syntax that it accepts', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"b":',
      '\\',
      '\\u',
      '00',
      'd83d',
      '\\ude00',
      '1',
      '-',
      '0',
      '.',
      'e',
      '9007199254740993',
      'true',
      'null',
      ' ',
      '\n',
      '\0',
      'é',
      '{"a":1}',
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
        const text = fragments.join('');
        const reading = readJson(Buffer.from(text));
        const parsed = parseOrUndefined(text);
        if (reading.ok) expect(reading.value).to.deep.equal(parsed);
        else if (parsed !== undefined) expect(reading.problem.code).to.not.equal('syntax');
        const careful = findProblem(Buffer.from(text), {
          depthMax: 64,
          keysMax: 10_000,
          valuesMax: 100_000,
        });
        expect(careful).to.deep.equal(reading.ok ? undefined : reading.problem);
      }),
      { numRuns: 3000 },
    );
  });
});

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** NUL, `__proto__`, and integers that JSON.stringify writes without an exponent up to 1e21. */
function isRefusedClass(value: unknown, text: string): boolean {
  if (/\\u0000|"__proto__":/.test(text)) return true;
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((member) => isRefusedClass(member, ''));
}
