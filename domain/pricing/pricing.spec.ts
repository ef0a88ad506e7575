import { expect } from 'chai';
import fc from 'fast-check';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { Price } from '../../contracts/catalogue/price-units.js';
import type { Modality, Usage } from '../../contracts/events/execution.js';
import { formatMoney, parseMoney } from '../../contracts/money.js';
import { withDefaults } from './defaults.js';
import { inputTokensMax } from './input-tokens.js';
import {
  boundedUsage,
  costAt,
  costOf,
  estimateFor,
  estimateLines,
  holdFor,
  weighing,
} from './pricing.js';

const free: Price = {
  per_request: 0n,
  per_image: 0n,
  per_second: 0n,
  per_1k_input_tokens: 0n,
  per_1k_output_tokens: 0n,
};

const modelOf = (modality: Modality, prices: readonly Partial<Price>[], usageDefault: Usage = {}) =>
  ({
    slug: 'm',
    name: 'M',
    description: 'M',
    modality,
    inputSchema: { type: 'object', properties: { max_tokens: { default: 256 }, prompt: {} } },
    outputSchema: {},
    expiresInSeconds: 300,
    attemptsMax: 4,
    maxWaitMs: 60_000,
    unknownMaxCost: 10_000n,
    usageDefault,
    routes: prices.map((price, index) => ({
      name: `m/${index}`,
      provider: `p${index}`,
      providerModel: 'x',
      price: { ...free, ...price },
      cost: free,
      priority: 0,
    })),
  }) satisfies Model;

describe('pricing: cost', () => {
  it('adds every line, each rounded up to a whole micro on its own', () => {
    const price = {
      ...free,
      per_1k_input_tokens: 500n,
      per_1k_output_tokens: 1_500n,
      per_request: 7n,
    };
    expect(costOf(price, { inputTokens: 1, outputTokens: 1 })).to.equal(7n + 1n + 2n);
    expect(costOf(price, { inputTokens: 2_000, outputTokens: 2 })).to.equal(7n + 1_000n + 3n);
    expect(costOf(price, {})).to.equal(7n);
  });

  it('counts images exactly and seconds in whole milliseconds, upwards', () => {
    expect(costOf({ ...free, per_image: 40_000n }, { images: 3 })).to.equal(120_000n);
    const perSecond = { ...free, per_second: 1_000n };
    expect(costOf(perSecond, { seconds: 1.1 })).to.equal(1_100n);
    expect(costOf(perSecond, { seconds: 0.1 + 0.2 })).to.equal(300n);
    expect(costOf(perSecond, { seconds: 2.0001 })).to.equal(2_001n);
    expect(costOf({ ...free, per_second: 1n }, { seconds: 0.001 })).to.equal(1n);
  });

  it('charges pixels, minutes and characters by their part of a unit', () => {
    expect(costOf({ per_megapixel: 40_000n }, { pixels: 1024 * 1024 })).to.equal(41_944n);
    expect(costOf({ per_minute: 6_000n }, { seconds: 90.5 })).to.equal(9_050n);
    expect(costOf({ per_character: 15n }, { characters: 7 })).to.equal(105n);
    expect(costOf({ per_1m_characters: 15_000_000n }, { characters: 7 })).to.equal(105n);
    expect(costOf({ per_1m_output_tokens: 600_000n }, { outputTokens: 1 })).to.equal(1n);
  });

  it('charges cached tokens by their own line, where the list has one', () => {
    const usage = { inputTokens: 1_000, cachedInputTokens: 400 };
    const plain = { per_1m_input_tokens: 2_500_000n };
    expect(costOf(plain, usage)).to.equal(2_500n);
    expect(costOf({ ...plain, per_1m_cached_input_tokens: 250_000n }, usage)).to.equal(1_600n);
    const more = { inputTokens: 10, cachedInputTokens: 400 };
    expect(costOf({ ...plain, per_1m_cached_input_tokens: 250_000n }, more)).to.equal(3n);
  });

  it('refuses what is not a count or a duration, instead of pricing it', () => {
    for (const inputTokens of [-1, 1.5, Number.NaN, Infinity, 1e308]) {
      expect(() => costOf(free, { inputTokens })).to.throw(RangeError);
    }
    for (const seconds of [-0.1, Number.NaN, Infinity, 1e308]) {
      expect(() => costOf(free, { seconds })).to.throw(RangeError);
    }
  });
});

describe('pricing: estimate', () => {
  it('takes the dearest route over the most tokens the input can use', () => {
    const model = modelOf('text', [
      { per_1k_input_tokens: 1_000n, per_1k_output_tokens: 1_000n },
      { per_1k_input_tokens: 1_000n, per_1k_output_tokens: 2_000n },
    ]);
    const { estimated, usage } = estimateFor(model, { prompt: 'Grüße' });
    expect(usage).to.deep.equal({ inputTokens: 16 + 7, outputTokens: 256 });
    expect(estimated).to.equal(23n + 512n);
    expect(estimateFor(model, { prompt: 'Grüße', max_tokens: 10 }).usage.outputTokens).to.equal(10);
  });

  it('counts every string of a conversation, and what frames each message', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Why?' },
    ];
    expect(inputTokensMax({ messages, temperature: 1, seed: null })).to.equal(48 + 15 + 8);
  });

  it('counts schemas with their keys, what explains tools, and files by their kind', () => {
    const parameters = { type: 'object', properties: { city: {} } };
    const tools = [{ name: 'weather', parameters }];
    const json = JSON.stringify(parameters).length;
    expect(inputTokensMax({ prompt: 'x', tools })).to.equal(16 + 1 + 600 + 16 + 7 + json);
    const format = { type: 'json_schema', schema: parameters };
    expect(inputTokensMax({ prompt: 'x', response_format: format })).to.equal(32 + 1 + 11 + json);
    const partOf = (type: string) => [{ content: [{ type, file_id: 'file_1' }] }];
    const around = 48 + 6;
    expect(inputTokensMax({ messages: partOf('image') })).to.equal(around + 5 + 5_000);
    expect(inputTokensMax({ messages: partOf('audio') })).to.equal(around + 5 + 25_000);
    expect(inputTokensMax({ messages: partOf('file') })).to.equal(around + 4 + 100_000);
    expect(inputTokensMax({ messages: partOf('constructor') })).to.equal(around + 11);
  });

  it('reads images from the input or from the model', () => {
    const model = modelOf('image', [{ per_image: 40_000n }, { per_image: 30_000n }], { images: 1 });
    expect(estimateFor(model, { num_images: 3 })).to.deep.equal({
      estimated: 120_000n,
      usage: { images: 3 },
      routes: model.routes,
    });
    expect(estimateFor(model, {}).estimated).to.equal(40_000n);
    expect(estimateLines(estimateFor(model, { num_images: 3 }))).to.deep.include({
      unit: 'per_image',
      unitPrice: 40_000n,
      quantity: 3n,
      perUnit: 1n,
      amount: 120_000n,
    });
  });

  it('reads seconds from the input or from the model', () => {
    const model = modelOf('video', [{ per_second: 500n }], { seconds: 60 });
    expect(estimateFor(model, {}).estimated).to.equal(30_000n);
    expect(estimateFor(model, { duration_s: 2.5 }).estimated).to.equal(1_250n);
  });

  it('counts the characters of speech, and bounds its seconds by the model', () => {
    const model = modelOf('audio', [{ per_1k_characters: 15_000n, per_second: 100n }], {
      seconds: 2,
    });
    expect(estimateFor(model, { text: 'Grüße \u{1f600}' }).usage).to.deep.equal({
      characters: 7,
      seconds: 2,
    });
    expect(estimateFor(model, { text: 'Grüße \u{1f600}' }).estimated).to.equal(105n + 200n);
  });

  it('completes the input with the defaults of the schema, and never overrides it', () => {
    const model = modelOf('text', [{}]);
    expect(withDefaults(model, { prompt: 'x' })).to.deep.equal({ prompt: 'x', max_tokens: 256 });
    expect(withDefaults(model, { max_tokens: 5 })).to.deep.equal({ max_tokens: 5 });
  });
});

describe('pricing: the bound that is estimated', () => {
  const bare = { inputSchema: { type: 'object', properties: { prompt: {} } } };
  const bounds = [
    ['text', { outputTokens: 77 }, 'max_tokens', { per_1k_output_tokens: 1_000n }],
    ['image', { images: 3 }, 'num_images', { per_image: 1n }],
    ['video', { seconds: 9 }, 'duration_s', { per_second: 1_000n }],
  ] as const;
  for (const [modality, usageDefault, field, price] of bounds)
    it(`is sent, whatever the schema and the input say (${modality})`, () => {
      const model = { ...modelOf(modality, [price], usageDefault), ...bare };
      const [bound] = Object.values(usageDefault);
      for (const asked of [undefined, null, -1, Number.NaN, '5', 1e308]) {
        const input = { prompt: 'x', ...(asked !== undefined && { [field]: asked }) };
        const sent = withDefaults(model, input);
        expect(sent).to.deep.equal({ prompt: 'x', [field]: bound });
        expect(estimateFor(model, input)).to.deep.equal(estimateFor(model, sent));
        expect(estimateFor(model, input).usage).to.include(usageDefault);
      }
      const accepted = { usageDefault: Object.fromEntries([[Object.keys(usageDefault)[0], 1]]) };
      expect(withDefaults(model, {}, accepted), 'as accepted').to.deep.equal({ [field]: 1 });
      expect(withDefaults(model, { [field]: 1 })).to.deep.equal({ [field]: 1 });
      expect(withDefaults(model, { [field]: 0 })).to.deep.equal({ [field]: 0 });
    });
});

describe('pricing: what was promised', () => {
  const priced = (name: string, per_request: bigint, per_image = 0n) => ({
    name,
    price: { ...free, per_request, per_image },
  });
  const promised = [priced('a', 10n), priced('b', 5n, 4n)];

  it('is the price of the route as it was accepted', () => {
    expect(costAt(promised, priced('b', 99n), { images: 3 })).to.equal(17n);
    expect(costAt(promised, priced('a', 1n), { images: 3 })).to.equal(10n);
  });

  it('bounds a route that came later by the dearest that was promised', () => {
    expect(costAt(promised, priced('new', 99n), { images: 3 })).to.equal(17n);
    expect(costAt(promised, priced('new', 99n), { images: 1 })).to.equal(10n);
    expect(costAt(promised, priced('new', 2n), { images: 1 })).to.equal(2n);
  });
});

describe('pricing: what a provider says it used', () => {
  it('is no more than any use, and nothing where it is no count', () => {
    const honest = { inputTokens: 7, outputTokens: 0, images: 2, seconds: 1.25 };
    expect(boundedUsage(honest)).to.deep.equal(honest);
    for (const lie of [Number.NaN, -1, Infinity, -Infinity, 1e308, '7', null]) {
      const told = { inputTokens: lie, outputTokens: lie, images: lie, seconds: lie };
      expect(boundedUsage(told as Usage)).to.deep.equal({});
    }
    expect(boundedUsage({ images: 1.5 })).to.deep.equal({});
    const most = Number.MAX_SAFE_INTEGER;
    const cut = boundedUsage({
      inputTokens: most,
      outputTokens: most,
      images: most,
      seconds: most,
    });
    expect(cut).to.deep.equal({
      inputTokens: 100_000_000,
      outputTokens: 100_000_000,
      images: 1_000,
      seconds: 86_400,
    });
    const dearest = 999_999_999_999n;
    const price = {
      per_request: dearest,
      per_image: dearest,
      per_second: dearest,
      per_1k_input_tokens: dearest,
      per_1k_output_tokens: dearest,
    };
    expect(parseMoney(formatMoney(costOf(price, cut)))).to.equal(costOf(price, cut));
  });
});

describe('pricing: hold', () => {
  it('is the estimate × 1.2 rounded up, at least one cent', () => {
    expect(holdFor(0n)).to.equal(10_000n);
    expect(holdFor(8_333n)).to.equal(10_000n);
    expect(holdFor(8_334n)).to.equal(10_001n);
    expect(holdFor(40_000n)).to.equal(48_000n);
    expect(holdFor(10_001n)).to.equal(12_002n);
  });
});

describe('pricing: weighing', () => {
  it('is the cost without its rounding', () => {
    const price = {
      per_request: 7n,
      per_1m_input_tokens: 2_500_000n,
      per_second: 100n,
      tiers: [{ above_input_tokens: 10, per_1m_input_tokens: 5_000_000n }],
    };
    expect(weighing({ inputTokens: 3, seconds: 0.5 })(price)).to.equal(7 + 7.5 + 50);
    expect(weighing({ inputTokens: 11 })(price)).to.equal(7 + 55);
    expect(weighing({})({})).to.equal(0);
  });
});

describe('pricing: properties', () => {
  const micros = fc.bigInt({ min: 0n, max: 10_000_000_000n });
  const price = fc.record({
    per_request: micros,
    per_image: micros,
    per_second: micros,
    per_1k_input_tokens: micros,
    per_1k_output_tokens: micros,
  });
  const count = fc.nat({ max: 10_000_000 });
  const seconds = fc.double({ min: 0, max: 1e6, noNaN: true });
  const usage = fc.record({ inputTokens: count, outputTokens: count, images: count, seconds });
  const shrunk = (bound: number, part: number) => Math.floor(bound * part);
  const part = fc.double({ min: 0, max: 1, noNaN: true });

  it('costs no less for more, and never below zero', () => {
    fc.assert(
      fc.property(price, usage, part, (list, bound, some) => {
        const used: Usage = {
          inputTokens: shrunk(bound.inputTokens, some),
          outputTokens: shrunk(bound.outputTokens, some),
          images: shrunk(bound.images, some),
          seconds: bound.seconds * some,
        };
        const cost = costOf(list, used);
        expect(cost >= 0n && cost <= costOf(list, bound)).to.equal(true);
      }),
    );
  });

  it('is within one micro per line of the exact rational cost, never below it', () => {
    fc.assert(
      fc.property(price, usage, (list, used) => {
        const { per_second: _, ...lines } = list;
        const whole = { ...lines, per_second: 0n };
        const exactThousandths =
          1000n * (list.per_request + list.per_image * BigInt(used.images)) +
          list.per_1k_input_tokens * BigInt(used.inputTokens) +
          list.per_1k_output_tokens * BigInt(used.outputTokens);
        const above = costOf(whole, used) * 1000n - exactThousandths;
        expect(above >= 0n && above < 2000n).to.equal(true);
      }),
    );
  });

  it('estimates at least what any route charges for any usage within the bound', () => {
    const prices = fc.array(price, { minLength: 1, maxLength: 4 });
    const input = fc.record({ prompt: fc.string({ unit: 'grapheme' }), max_tokens: count });
    fc.assert(
      fc.property(prices, input, part, (lists, given, some) => {
        const model = modelOf('text', lists);
        const { estimated, usage: bound } = estimateFor(model, given);
        const used: Usage = {
          inputTokens: shrunk(bound.inputTokens ?? 0, some),
          outputTokens: shrunk(bound.outputTokens ?? 0, some),
        };
        for (const route of model.routes) {
          expect(costOf(route.price, used) <= estimated).to.equal(true);
        }
        expect(holdFor(estimated) >= estimated).to.equal(true);
      }),
    );
  });

  it('bounds four characters per token from above, in any script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (prompt) => {
        expect(inputTokensMax({ prompt })).to.be.at.least(Math.ceil(prompt.length / 4));
      }),
    );
  });
});
