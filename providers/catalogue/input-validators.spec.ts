import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import { filesIn } from './file-fields.js';
import { validateInput, validatorOf } from './input-validators.js';
import { loadCatalogue } from './load-catalogue.js';

const text = readFileSync(new URL('../../catalogue.yaml', import.meta.url), 'utf8');
const load = () => {
  const result = loadCatalogue(text, { SANDBOX_URL: 'http://127.0.0.1:9' });
  if (!('catalogue' in result)) throw new Error(result.problems.join());
  return result.catalogue;
};
const { models } = load();
const talk = models.get('text-generation-standard')!;
const paint = models.get('flux-1.1-pro')!;
const fileId = 'file_0b5c3a52-6f0e-4e0a-9a53-0d4a5d1f2b7c';

const found = (model: Model, input: Record<string, unknown>) =>
  validateInput(model, input).map(({ field, code }) => `${field} ${code}`);

describe('catalogue: inputs of the bundled models', () => {
  it('accepts what the schemas allow', () => {
    const messages = [{ role: 'user', content: 'Why?' }];
    expect(validateInput(talk, { prompt: 'Why?' })).to.deep.equal([]);
    expect(validateInput(talk, { messages, system: 'Be brief.', max_tokens: 4096 })).to.be.empty;
    expect(validateInput(paint, { prompt: 'A boat', width: 256, image: fileId })).to.be.empty;
  });

  it('names field, code and sentence of each violation', () => {
    expect(validateInput(talk, { prompt: '', max_tokens: 4097, tempo: 1 })).to.deep.equal([
      {
        field: 'input.tempo',
        code: 'additional_properties',
        message: 'is not a known field of this model',
      },
      { field: 'input.prompt', code: 'min_length', message: 'must not be empty' },
      { field: 'input.max_tokens', code: 'maximum', message: 'must be at most 4096' },
    ]);
    expect(found(talk, { messages: [{ role: 'robot' }] })).to.deep.equal([
      'input.messages[0].content required',
      'input.messages[0].role enum',
    ]);
    expect(found(paint, { width: 257 })).to.deep.equal([
      'input.prompt required',
      'input.width multiple_of',
    ]);
  });

  it('says of a choice what may be chosen, once', () => {
    const one = [
      {
        field: 'input',
        code: 'one_of',
        message: 'must have exactly one of prompt, messages',
      },
    ];
    expect(validateInput(talk, {})).to.deep.equal(one);
    const both = { prompt: 'x', messages: [{ role: 'user', content: 'x' }] };
    expect(validateInput(talk, both)).to.deep.equal(one);
  });

  it('refuses a raw URL where a file is called for, in any disguise', () => {
    const urls = [
      'https://a.example/x.png',
      'data:image/png;base64,AA',
      '//a.example/x',
      ' HTTP:x',
    ];
    for (const image of urls)
      expect(validateInput(paint, { prompt: 'x', image })).to.deep.equal([
        {
          field: 'input.image',
          code: 'raw_url_not_allowed',
          message:
            'must be a file id (file_<uuid>), not a raw URL: upload the file and give its id',
        },
      ]);
    for (const image of ['boat.png', fileId.toUpperCase(), `${fileId} `, '../file'])
      expect(found(paint, { prompt: 'x', image })).to.deep.equal(['input.image format']);
    expect(found(paint, { prompt: 'x', image: { url: 'https://a' } })).to.deep.equal([
      'input.image type',
    ]);
  });

  it('tells of files only where the schema calls for them', () => {
    expect(filesIn(paint, { prompt: fileId, image: fileId })).to.deep.equal([
      { field: 'input.image', id: fileId },
    ]);
    expect(filesIn(talk, { prompt: fileId })).to.deep.equal([]);
  });

  it('tells of files in every branch of a schema, each field once', () => {
    const file = { type: 'string', format: 'file-id' };
    const inputSchema = {
      properties: { kind: {}, image: file, images: { items: { anyOf: [{ const: 1 }, file] } } },
      allOf: [{ properties: { image: file, mask: { oneOf: [file, { type: 'null' }] } } }],
      if: { properties: { other: file } },
      then: { properties: { kind: { else: file } } },
    };
    const model = { ...paint, inputSchema };
    const input = { kind: '1', image: '2', images: ['3', 7, '4'], mask: '5', other: '6' };
    expect(filesIn(model, input)).to.deep.equal([
      { field: 'input.kind', id: '1' },
      { field: 'input.image', id: '2' },
      { field: 'input.mask', id: '5' },
      { field: 'input.images[0]', id: '3' },
      { field: 'input.images[2]', id: '4' },
    ]);
    expect(filesIn({ ...paint, inputSchema: {} }, input)).to.deep.equal([]);
  });

  it('takes all of the canonical input of text, and finds the files in its parts', () => {
    const content = [
      { type: 'text', text: fileId },
      { type: 'image', file_id: fileId },
    ];
    const call = { id: 'abc123def', name: 'weather', arguments: { city: 'Oslo' } };
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const input = {
      messages: [
        { role: 'user', content },
        { role: 'assistant', tool_calls: [call] },
        { role: 'assistant', content: '', tool_calls: [{ ...call, arguments: '{"a":' }] },
        { role: 'tool', tool_call_id: 'abc123def', content: '{}' },
      ],
      top_p: 0.9,
      stop: 'END',
      seed: 1,
      tools: [{ name: 'weather', parameters }],
      tool_choice: { name: 'weather' },
      response_format: { type: 'json_schema', schema: parameters },
      reasoning_effort: 'low',
    };
    expect(validateInput(talk, input)).to.deep.equal([]);
    expect(filesIn(talk, input)).to.deep.equal([
      { field: 'input.messages[0].content[1].file_id', id: fileId },
    ]);
    const more = { stop: ['a', 'b'], tool_choice: 'required', response_format: { type: 'json' } };
    expect(validateInput(talk, { ...input, ...more })).to.deep.equal([]);
  });

  it('names the part, the tool or the schema that is wrong', () => {
    const withContent = (content: unknown) => ({ messages: [{ role: 'user', content }] });
    const url = [{ type: 'image', file_id: 'https://a.example/x.png' }];
    const cases: [Record<string, unknown>, string[]][] = [
      [withContent(7), ['input.messages[0].content type']],
      [withContent([{ type: 'text' }]), ['input.messages[0].content[0].text required']],
      [withContent([{ type: 'audio' }]), ['input.messages[0].content[0].file_id required']],
      [
        withContent([{ type: 'video' }]),
        ['input.messages[0].content[0].file_id required', 'input.messages[0].content[0].type enum'],
      ],
      [withContent(url), ['input.messages[0].content[0].file_id raw_url_not_allowed']],
      [{ prompt: 'x', tools: [{ name: 'a b', parameters: {} }] }, ['input.tools[0].name pattern']],
      [{ prompt: 'x', tool_choice: 'any' }, ['input.tool_choice enum']],
      [{ prompt: 'x', stop: [] }, ['input.stop min_items']],
    ];
    for (const [input, reasons] of cases) expect(found(talk, input)).to.deep.equal(reasons);
    const asking = (format: object) =>
      validateInput(talk, { prompt: 'x', response_format: format });
    expect(asking({ type: 'json_schema' }).map(({ field }) => field)).to.deep.equal([
      'input.response_format.schema',
    ]);
    expect(asking({ type: 'json_schema', schema: { $ref: '#' } })).to.deep.equal([
      {
        field: 'input.response_format.schema',
        code: 'schema',
        message: 'must not refer to itself',
      },
    ]);
  });

  it('never shows a value, and at most twenty reasons', () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, 'secret']));
    const details = validateInput(talk, { prompt: 7, ...many });
    expect(details).to.have.length(20);
    expect(JSON.stringify(details)).not.to.include('secret');
  });

  it('explains a huge wrong input by its first violation only', () => {
    expect(found(talk, { messages: Array<number>(100_000).fill(1) })).to.deep.equal([
      'input.messages max_items',
    ]);
    const [detail] = validateInput(talk, { prompt: 'x', ['y'.repeat(100_000)]: 1 });
    expect(detail?.field).to.have.length(200);
  });

  it('is not moved by names that objects have by themselves', () => {
    const input = JSON.parse('{"prompt":"x","__proto__":{"max_tokens":1},"constructor":1}') as {
      prompt: string;
    };
    expect(found(talk, input)).to.deep.equal([
      'input.__proto__ additional_properties',
      'input.constructor additional_properties',
    ]);
  });

  it('keeps one validator for each text of a schema, over versions of the catalogue', () => {
    expect(validatorOf(load().models.get(talk.slug)!)).to.equal(validatorOf(talk));
    const other = { ...talk, inputSchema: { ...talk.inputSchema, title: 'Other' } };
    expect(validatorOf(other)).not.to.equal(validatorOf(talk));
  });
});
