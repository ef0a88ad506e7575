import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { outputSchemas } from '../../contracts/catalogue/output-schemas.js';
import type { TextOutput } from '../../providers/port.js';
import { textOutputOf } from './text-output.js';

const text = (more: Partial<TextOutput>): TextOutput => ({
  modality: 'text',
  text: 'Because.',
  finishReason: 'stop',
  ...more,
});

describe('run-execution: the output of a text', () => {
  const isCanonical = new Ajv2020({ strict: false }).compile(outputSchemas.text);

  it('has the words, how they ended and what they used', () => {
    const { body, summary } = textOutputOf(text({}), { inputTokens: 9, outputTokens: 2 });
    expect(summary).to.deep.equal({
      finish_reason: 'stop',
      usage: { input_tokens: 9, output_tokens: 2 },
    });
    expect(body).to.deep.equal({ text: 'Because.', ...summary });
    expect(isCanonical(body)).to.equal(true);
  });

  it('has calls of tools, JSON that may be null, and what was cached and reasoned', () => {
    const toolCalls = [
      { id: 'abc123def', name: 'weather', arguments: { city: 'Oslo' } },
      { id: 'abc123deg', name: 'note', arguments: '{"a":' },
    ];
    const used = { inputTokens: 9, cachedInputTokens: 4, outputTokens: 20, reasoningTokens: 12 };
    const { body, summary } = textOutputOf(text({ toolCalls, json: null }), used);
    expect(summary).to.deep.equal({
      finish_reason: 'stop',
      usage: {
        input_tokens: 9,
        cached_input_tokens: 4,
        output_tokens: 20,
        reasoning_tokens: 12,
      },
    });
    expect(body).to.deep.equal({ text: 'Because.', tool_calls: toolCalls, json: null, ...summary });
    expect(isCanonical(body)).to.equal(true);
  });
});
