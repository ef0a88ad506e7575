import { expect } from 'chai';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { violatedField, violationCode, violationMessage } from './schema-violations.js';

const told = (schema: object, value: unknown): string[] => {
  const validate = new Ajv2020({ allErrors: true, verbose: true, strict: false }).compile(schema);
  validate(value);
  return (validate.errors ?? []).map(
    (error) => `${violatedField(error)} ${violationCode(error)} ${violationMessage(error, '')}`,
  );
};

describe('what is wrong with a value', () => {
  it('has the path of its field as callers write it', () => {
    const item = { type: 'object', required: ['b'], additionalProperties: false };
    const schema = { properties: { list: { items: item }, 'a/b': { type: 'string' } } };
    expect(told(schema, { list: [{ b: 1 }, { c: 1 }], 'a/b': 1 })).to.deep.equal([
      'list[0].b additional_properties is not a known field',
      'list[1].b required is required',
      'list[1].c additional_properties is not a known field',
      'a/b type must be a string',
    ]);
    expect(told({ type: 'array', items: { type: 'null' } }, [1])).to.deep.equal([
      '[0] type must be null',
    ]);
  });

  it('names what is allowed', () => {
    const money = { type: ['string', 'null'], pattern: '^\\d+\\.\\d+$', examples: ['12.50'] };
    const schema = { properties: { kind: { enum: ['A', 'B'] }, money, code: { pattern: '^x' } } };
    expect(told(schema, { kind: 'C', money: 5, code: 'y' })).to.deep.equal([
      'kind enum must be one of A, B',
      'money type must be a string or null, for example "12.50"',
      'code pattern does not have the required form',
    ]);
    expect(told(schema, { money: 'five' })).to.deep.equal([
      'money pattern does not have the required form, for example "12.50"',
    ]);
  });

  it('says the bounds', () => {
    const schema = {
      minProperties: 1,
      maxProperties: 3,
      properties: { n: { minimum: 1 }, list: { minItems: 1, maxItems: 2, uniqueItems: true } },
    };
    expect(told(schema, {})).to.deep.equal([' min_properties must have at least one field']);
    expect(told(schema, { n: 0, list: [1, 1, 1] })).to.deep.equal([
      'n minimum must be at least 1',
      'list max_items must have at most 2 items',
      'list unique_items must not have the same item twice',
    ]);
    expect(told(schema, { a: 1, b: 2, c: 3, d: 4 })).to.deep.equal([
      ' max_properties must have at most 3 fields',
    ]);
  });
});
