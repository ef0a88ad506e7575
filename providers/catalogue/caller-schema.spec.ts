import { expect } from 'chai';
import { callerSchemaProblem } from './caller-schema.js';

const object = (properties: object, more = {}) => ({ type: 'object', properties, ...more });
const nested = (depth: number): object =>
  depth === 0 ? { type: 'string' } : object({ a: nested(depth - 1) });

describe("a caller's schema", () => {
  it('is taken where it is a JSON Schema of a bounded cost', () => {
    for (const schema of [
      {},
      object(
        { city: { type: 'string', pattern: '^[A-Z]', maxLength: 80 } },
        { required: ['city'] },
      ),
      { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'array', items: true },
      object({ a: { $ref: '#/$defs/a' } }, { $defs: { a: { enum: [1, { $ref: 'x' }] } } }),
      object({ pattern: { type: 'string' }, $id: { type: 'string' }, id: { type: 'string' } }),
      { anyOf: [{ const: 1 }, { type: 'null' }], 'x-mine': 7 },
      nested(14),
      object(
        Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`p${i}`, { type: 'null' }])),
      ),
    ])
      expect(callerSchemaProblem(schema), JSON.stringify(schema).slice(0, 80)).to.equal(undefined);
  });

  const refused: Record<string, [unknown, RegExp]> = {
    'no object': [[], /an object/],
    'a boolean': [true, /an object/],
    'too large': [{ description: 'x'.repeat(40_000) }, /32768 bytes/],
    'too many parts': [{ anyOf: Array.from({ length: 300 }, () => ({})) }, /200 parts/],
    'nested too deep': [nested(40), /nested/],
    'a reference to itself': [{ $ref: '#' }, /refer to itself/],
    'a circle of references': [
      { $ref: '#/$defs/a', $defs: { a: { not: { $ref: '#/$defs/b' } }, b: { $ref: '#/$defs/a' } } },
      /refer to itself/,
    ],
    'references that double': [
      {
        $ref: '#/$defs/d0',
        $defs: Object.fromEntries(
          Array.from({ length: 20 }, (_, n) => [
            `d${n}`,
            n === 19 ? {} : { anyOf: [1, 2].map(() => ({ $ref: `#/$defs/d${n + 1}` })) },
          ]),
        ),
      },
      /1000 parts/,
    ],
    'a reference to elsewhere': [{ $ref: 'https://example.com/x' }, /\$ref/],
    'a reference to nothing': [{ $ref: '#/$defs/x', $defs: {} }, /\$ref/],
    'a reference to a prototype': [{ $ref: '#/$defs/constructor', $defs: {} }, /\$ref/],
    'a name of its own': [{ $id: 'https://example.com/x' }, /\$id/],
    'a name in an older form': [{ id: 'x' }, /must not have id/],
    'a check that is a promise': [{ $async: true, required: ['a'] }, /\$async/],
    'a check within that is a promise': [object({ a: { $async: true } }), /\$async/],
    'nullable without a type': [object({ a: { nullable: true } }), /nullable/],
    'an enum of nothing': [{ enum: [] }, /enum of nothing/],
    'a dynamic reference': [{ $dynamicRef: '#x' }, /\$dynamicRef/],
    'a costly pattern': [{ type: 'string', pattern: '^(a+)+$' }, /repeats/],
    'a broken pattern': [{ type: 'string', pattern: '(' }, /regular expression/],
    'a broken pattern of names': [{ patternProperties: { '[': {} } }, /regular expression/],
    'unique objects': [{ type: 'array', uniqueItems: true }, /uniqueItems/],
    'an unknown type': [{ type: 'text' }, /draft 2020-12/],
    'a keyword of another form': [object({ a: { minLength: 'x' } }), /minLength/],
  };
  for (const [what, [schema, problem]] of Object.entries(refused))
    it(`is refused: ${what}`, () => {
      expect(callerSchemaProblem(schema)).to.match(problem);
    });
});
