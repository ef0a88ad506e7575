import { expect } from 'chai';
import fc from 'fast-check';
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import { firstLack, lacksOf, unsupportedWishes } from './capabilities.js';

type Input = Readonly<Record<string, unknown>>;

const messages = (content: unknown) => ({ messages: [{ role: 'user', content }] });
const part = (type: string) =>
  messages([
    { type: 'text', text: 'x' },
    { type, file_id: 'file_x' },
  ]);
const called = { role: 'assistant', content: '', tool_calls: [{ id: 'a' }] };

/** What is declared, an input that it refuses, the field, and an input that it allows. */
const cases: readonly (readonly [Capabilities, Input, string, Input])[] = [
  [{ tools: false }, { tools: [{ name: 'a' }] }, 'input.tools', { tools: [] }],
  [{ tools: false }, { messages: [{}, called] }, 'input.messages[1]', messages('x')],
  [{ tools: false }, { messages: [{ role: 'tool' }] }, 'input.messages[0]', {}],
  [
    { structured_output: ['json'] },
    { response_format: { type: 'json_schema' } },
    'input.response_format',
    { response_format: { type: 'json' } },
  ],
  [
    { structured_output: [] },
    { response_format: 'json' },
    'input.response_format',
    { response_format: 'text' },
  ],
  [{ image_input: false }, part('image'), 'input.messages[0].content[1]', part('audio')],
  [{ image_input: false }, { mask: 'file_x' }, 'input.mask', {}],
  [{ image_input: false }, { images: ['file_x'] }, 'input.images[0]', { images: [] }],
  [{ audio_input: false }, part('audio'), 'input.messages[0].content[1]', part('file')],
  [{ file_input: false }, part('file'), 'input.messages[0].content[1]', part('image')],
  [
    { reasoning_efforts: ['low'] },
    { reasoning_effort: 'high' },
    'input.reasoning_effort',
    { reasoning_effort: 'low' },
  ],
  [{ max_tokens: 10 }, { max_tokens: 11 }, 'input.max_tokens', { max_tokens: 10 }],
  [
    { context_tokens: 100 },
    { prompt: 'x'.repeat(345), max_tokens: 10 },
    'input.prompt',
    { prompt: 'x'.repeat(344), max_tokens: 10 },
  ],
  [{ context_tokens: 10 }, messages('x'.repeat(80)), 'input.messages', messages('x')],
  [{ max_stops: 1 }, { stop: ['a', 'b'] }, 'input.stop', { stop: 'a' }],
  [{ sizes: ['512x256'] }, { width: 256, height: 512 }, 'input.width', { width: 512, height: 256 }],
  [{ aspect_ratios: ['1:1'] }, { aspect_ratio: '2:1' }, 'input.aspect_ratio', {}],
  [{ max_pixels: 100 }, { width: 10, height: 11 }, 'input.width', { width: 10, height: 10 }],
  [{ formats: ['png'] }, { format: 'webp' }, 'input.format', { format: 'png' }],
  [{ max_images: 1 }, { num_images: 2 }, 'input.num_images', { num_images: 1 }],
  [{ max_input_images: 1 }, { image: 'a', mask: 'b' }, 'input.mask', { image: 'a' }],
  [{ voices: ['ada'] }, { voice: 'bo' }, 'input.voice', { voice: 'ada' }],
  [{ languages: ['de'] }, { language: 'en' }, 'input.language', {}],
  [{ durations_s: [5, 10] }, { duration_s: 6 }, 'input.duration_s', { duration_s: 10 }],
  [{ max_duration_s: 5 }, { duration_s: 5.5 }, 'input.duration_s', { duration_s: 5 }],
  [{ frame_rates: [24] }, { fps: 30 }, 'input.fps', { fps: 24 }],
  [{ max_characters: 2 }, { text: 'abc' }, 'input.text', { text: '\u{1f600}\u{1f600}' }],
  [{ max_texts: 1 }, { texts: ['a', 'b'] }, 'input.texts', { texts: ['a'] }],
  [{ dimensions: [256] }, { dimensions: 512 }, 'input.dimensions', { dimensions: 256 }],
  [{ without: ['seed'] }, { seed: 0 }, 'input.seed', {}],
];

describe('routing: what a route can do', () => {
  for (const [declared, refused, field, allowed] of cases) {
    it(`${JSON.stringify(declared)} refuses ${field}`, () => {
      expect(lacksOf(declared, refused).map((lack) => lack.field)).to.deep.equal([field]);
      expect(firstLack(declared, refused)).to.equal(field);
      expect(lacksOf(declared, allowed)).to.deep.equal([]);
      expect(firstLack(declared, allowed)).to.equal(undefined);
    });
  }

  it('declares nothing, can do all', () => {
    for (const [, refused] of cases) expect(lacksOf({}, refused)).to.deep.equal([]);
  });

  it('tells the most that any route allows, of what the nearest lacks', () => {
    const input = { max_tokens: 50, seed: 1, format: 'gif', stop: ['a', 'b'] };
    const routes: readonly Capabilities[] = [
      { max_tokens: 8, formats: ['png'], max_stops: 1, without: ['seed'] },
      { max_tokens: 16, formats: ['png', 'jpeg'], max_stops: 0 },
      { max_tokens: 4, formats: ['webp'], max_stops: 1 },
    ];
    expect(unsupportedWishes(routes.map((one) => lacksOf(one, input)))).to.deep.equal([
      { field: 'input.max_tokens', code: 'unsupported', message: 'must be at most 16' },
      {
        field: 'input.format',
        code: 'unsupported',
        message: 'must be one of png, jpeg, webp',
      },
      { field: 'input.stop', code: 'unsupported', message: 'must have at most 1 texts' },
    ]);
    const seedless = lacksOf({ without: ['seed'] }, input);
    expect(unsupportedWishes([seedless])).to.deep.equal([
      { field: 'input.seed', code: 'unsupported', message: 'is not supported by this model' },
    ]);
  });

  it('more of a number is never refused less', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), fc.nat(100), (declared, less, more) => {
        const lacks = (count: number) => lacksOf({ max_tokens: declared }, { max_tokens: count });
        if (lacks(less).length > 0) expect(lacks(less + more)).to.have.length(1);
      }),
    );
  });
});
