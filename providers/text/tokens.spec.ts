import { expect } from 'chai';
import { tokensUsed, type ToldTokens } from './tokens.js';

/** `{prompt: 'Why?', max_tokens: 200}` is 4 bytes and a part of 16: at most 20 tokens. */
const used = (told: ToldTokens, more = {}) =>
  tokensUsed(told, { prompt: 'Why?', max_tokens: 200, ...more }, 8);
const of = (inputTokens: number, outputTokens: number, more = {}) => ({
  inputTokens,
  outputTokens,
  ...more,
});

describe('tokens that a text used', () => {
  it('are as they are told, up to what was asked', () => {
    expect(used({ input: 7, output: 3, total: 10 })).to.deep.equal(of(7, 3));
    expect(used({ input: 9_007_199_254_740_991, output: 201 })).to.deep.equal(of(20, 200));
    expect(used({ input: 7, output: 99_999 }, { max_tokens: undefined })).to.deep.equal(
      of(7, 99_999),
    );
  });

  it('include cached input and reasoning, told apart', () => {
    const told = { input: 12, cached: 8, output: 30, reasoning: 20, total: 42 };
    expect(used(told)).to.deep.equal(of(12, 30, { cachedInputTokens: 8, reasoningTokens: 20 }));
    expect(used({ input: 5, cached: 8, output: 1 })).to.deep.equal(
      of(5, 1, { cachedInputTokens: 5 }),
    );
  });

  it('include reasoning that stands outside of the output', () => {
    expect(used({ input: 12, output: 11, total: 111 }), 'the total shows it').to.deep.equal(
      of(12, 99),
    );
    const outside = { input: 12, output: 11, reasoning: 88 };
    const counted = of(12, 99, { reasoningTokens: 88 });
    expect(used({ ...outside, total: 111 })).to.deep.equal(counted);
    expect(used(outside), 'without a total').to.deep.equal(counted);
    expect(used({ ...outside, reasoning: 500 })).to.deep.equal(
      of(12, 200, { reasoningTokens: 200 }),
    );
    expect(used({ input: 12, output: 11, total: 3 }), 'a total that is none').to.deep.equal(
      of(12, 11),
    );
  });

  it('are what the total leaves where one of them is missing', () => {
    expect(used({ input: 12, total: 40 })).to.deep.equal(of(12, 28));
    expect(used({ output: 28, total: 40 })).to.deep.equal(of(12, 28));
  });

  it('are read from text and from fractions', () => {
    expect(used({ input: '7', output: ' 3 ' })).to.deep.equal(of(7, 3));
    expect(used({ input: 6.2, output: '2.5' })).to.deep.equal(of(7, 3));
  });

  it('are estimated from bytes where nothing can be used', () => {
    for (const none of [
      undefined,
      null,
      -7,
      -0.5,
      NaN,
      Infinity,
      1e308,
      '',
      'many',
      '-2',
      {},
      [],
      true,
    ])
      expect(used({ input: none, output: none, total: none }), JSON.stringify(none)).to.deep.equal(
        of(5, 2),
      );
    expect(used({ input: 7, output: -1 })).to.deep.equal(of(7, 2));
  });

  it('are estimated where they are counted as none though there were some', () => {
    expect(used({ input: 0, output: 0, total: 0 })).to.deep.equal(of(5, 2));
    expect(used({ input: 7, output: 0, total: 7 })).to.deep.equal(of(7, 2));
    expect(used({ input: 7, output: 0, total: 107 })).to.deep.equal(of(7, 100));
    const silent = tokensUsed({ input: 7, output: 0 }, { prompt: 'Why?' }, 0);
    expect(silent, 'nothing was written').to.deep.equal(of(7, 0));
  });
});
