import { expect } from 'chai';
import fc from 'fast-check';
import { jsonValues } from '../../../testing/json-values.js';
import { openTurns } from '../../../infra/concurrency/turns.js';
import { splitItems } from './json-items.js';

const split = async (text: string, itemsMax = 1_000) => {
  const { outline, items } = await splitItems(Buffer.from(text), itemsMax, openTurns());
  return [outline.toString(), ...items.map((item) => item.toString())];
};

describe('items of a JSON text', () => {
  it('are found in a list of the outermost object', async () => {
    expect(await split('{"a": [1, {"b":[2,3]} ,"x]\\"",[],null ], "c":{"d":[4]}}')).to.deep.equal([
      '{"a": [0, 0,0,0,0], "c":{"d":[4]}}',
      '1',
      '{"b":[2,3]} ',
      '"x]\\""',
      '[]',
      'null ',
    ]);
    expect(await split('{"a":[]}')).to.deep.equal(['{"a":[]}']);
    expect(await split('[1,2]')).to.deep.equal(['[1,2]']);
    expect(await split('"text"')).to.deep.equal(['"text"']);
  });

  it('leave what is no JSON in the outline or in an item', async () => {
    for (const text of ['', '{', '{"a":[', '{"a":[1', '{"a":[1,,2]}', '{"a":[1,]}', '{"a":[1}]}'])
      expect(await bothParse(text), text).to.equal(false);
    for (const text of ['{"a":[{"b":[1}]}', '{"a":["x]}', '{"a":[1]}}', '{"a":[{]}', '{"a":[}1]}'])
      expect(await bothParse(text), text).to.equal(false);
  });

  it('are no more than asked for, and one', async () => {
    expect(await split(`{"a":[${'0,'.repeat(10_000)}0]}`, 3)).to.have.length(1 + 4);
  });

  it('together with the outline say what the text says', async () => {
    const list = fc.array(jsonValues);
    const body = fc.record({ a: fc.jsonValue(), list, z: fc.jsonValue() });
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), async (value, isWide) => {
        const text = JSON.stringify({ list: value.list }, null, isWide ? 2 : 0);
        const [outline = '', ...items] = await split(text);
        expect(items.map((item) => JSON.parse(item) as unknown)).to.deep.equal(
          (JSON.parse(text) as { list: unknown[] }).list,
        );
        expect(JSON.parse(outline)).to.deep.equal({ list: items.map(() => 0) });
        const mixed = JSON.stringify(value);
        expect(await bothParse(mixed)).to.equal(true);
      }),
    );
  });

  it('take a text of no JSON for JSON never', async () => {
    const pieces = fc.constantFrom('{', '}', '[', ']', ',', '"', '\\', ':', '1', '{"a":[', ' ');
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 24 }), async (parts) => {
        const text = parts.join('');
        if (await bothParse(text)) expect(() => JSON.parse(text) as unknown, text).not.to.throw();
      }),
      { numRuns: 3_000 },
    );
  });

  const bothParse = async (text: string) =>
    (await split(text)).every((part) => {
      try {
        JSON.parse(part);
        return true;
      } catch {
        return false;
      }
    });
});
