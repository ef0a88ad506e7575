/** Which schemas could make one value hold the process. */
import { expect } from 'chai';
import { costProblems } from './schema-cost.js';
import { patternCost } from './pattern-cost.js';

describe('catalogue: what a schema may cost', () => {
  describe('reads from a pattern how its time grows', () => {
    const cases: readonly (readonly [pattern: string, degree: number | 'nested'])[] = [
      ['^[a-z]+$', 1],
      ['^-?(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})?$', 1],
      ['^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$', 1],
      ['^(ab|cd){1,500}$', 1],
      ['^\\d{4}-\\d\\d$', 1],
      ['^x*y*$', 2],
      ['^x{0,200}y{3,}$', 2],
      ['x', 1],
      ['\\s+$', 2],
      ['^a+|b+', 3],
      ['^.*.*.*$', 3],
      ['[)(]+[\\]*+]', 2],
      ['^(a+)+$', 'nested'],
      ['^(?:a*)*$', 'nested'],
      ['^(a|aa)+$', 'nested'],
      ['^(a|a)*$', 'nested'],
      ['^(.|[a-z])*$', 'nested'],
      ['^((ab?)c)*$', 'nested'],
      ['^(a?){30}$', 'nested'],
      ['^(?<name>\\w+\\s?)*$', 'nested'],
    ];
    for (const [pattern, expected] of cases)
      it(pattern, () => {
        const { isNested, degree } = patternCost(pattern);
        expect(isNested ? 'nested' : degree).to.equal(expected);
      });
  });

  it('lets through what is quick, with bounds', () => {
    const quick = {
      type: 'object',
      properties: {
        name: { type: 'string', pattern: '^x*y*$', maxLength: 3_000 },
        tags: { type: 'array', uniqueItems: true, items: { type: ['string', 'null'] } },
        few: { type: 'array', uniqueItems: true, maxItems: 64 },
        pattern: { type: 'string', default: '(a+)+', enum: ['(a+)+'] },
      },
      examples: [{ pattern: '(a+)+' }],
    };
    expect(costProblems('s', quick)).to.deep.equal([]);
  });

  it('names the place of what is not', () => {
    const slow = {
      properties: {
        name: { pattern: '^x*y*$' },
        nested: { items: [{ pattern: '^(a+)+$', maxLength: 10 }] },
        tags: { uniqueItems: true, items: {} },
        objects: { uniqueItems: true, maxItems: 65, items: { type: 'object' } },
      },
      patternProperties: { '(.*)x(.*)y': {} },
    };
    const compares =
      "compares every item with every other: give 'items' a type that is neither object nor " +
      'array, or the list a maxItems of at most 64';
    expect(costProblems('s', slow)).to.deep.equal([
      's.patternProperties: may take long: give the string a maxLength of at most 215',
      's.properties.name.pattern: may take long: give the string a maxLength of at most 3162',
      's.properties.nested.items[0].pattern: repeats a part that repeats something itself, ' +
        'which may take for ever',
      `s.properties.tags.uniqueItems: ${compares}`,
      `s.properties.objects.uniqueItems: ${compares}`,
    ]);
  });
});
