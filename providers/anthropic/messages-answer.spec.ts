import { expect } from 'chai';
import type { ResponseFormat } from '../text/request.js';
import { messagesResult } from './messages-answer.js';
import { foldMessages } from './messages-stream.js';

const call = { input: { prompt: 'Why?', max_tokens: 64 }, dispatchKey: 'k' };
const read = (answer: Record<string, unknown>, format: ResponseFormat = { type: 'text' }) =>
  messagesResult(call, format, answer);
const message = (content: unknown, stop: unknown = 'end_turn', more = {}) => ({
  id: 'msg_013Zva2CMHLNnXjNJJKqJ2EF',
  type: 'message',
  role: 'assistant',
  content,
  stop_reason: stop,
  stop_sequence: null,
  usage: { input_tokens: 9, output_tokens: 2 },
  ...more,
});
const text = (words: string) => ({ type: 'text', text: words });
const said = (words: string, finishReason: string, more = {}) => ({
  kind: 'succeeded',
  output: { modality: 'text', text: words, finishReason, ...more },
  usage: { inputTokens: 9, outputTokens: 2 },
});

describe('anthropic-messages: how an answer is read', () => {
  it('says why it ended in words of ours', () => {
    for (const [word, told] of [
      ['end_turn', 'stop'],
      ['stop_sequence', 'stop'],
      ['max_tokens', 'length'],
      ['model_context_window_exceeded', 'length'],
      ['refusal', 'content_filter'],
      ['something_new', 'other'],
      [null, 'other'],
    ] as const)
      expect(read(message([text('x')], word))).to.deep.equal(said('x', told));
    expect(read(message([], 'max_tokens'))).to.deep.equal(said('', 'length'));
    expect(read(message([], 'end_turn'))).to.deep.equal(said('', 'other'));
  });

  it('reads text blocks, and nothing of thinking or unknown ones', () => {
    const blocks = [
      { type: 'thinking', thinking: 'hm', signature: 's' },
      { type: 'redacted_thinking', data: 'x' },
      text('Be'),
      { type: 'server_tool_use', name: 'web_search' },
      text('cause'),
    ];
    expect(read(message(blocks))).to.deep.equal(said('Because', 'stop'));
    expect(read(message('Because'))).to.deep.equal(said('Because', 'stop'));
  });

  it('reads calls of tools, with ids of ours', () => {
    const blocks = [
      text('Let me see.'),
      { type: 'tool_use', id: 'toolu_theirs', name: 'weather', input: { city: 'Oslo' } },
    ];
    const outcome = read(message(blocks, 'tool_use'));
    expect(outcome).to.have.nested.property('output.finishReason', 'tool_calls');
    expect(outcome).to.have.nested.property('output.text', 'Let me see.');
    expect(outcome).to.have.nested.property('output.toolCalls[0].arguments.city', 'Oslo');
    expect(JSON.stringify(outcome)).not.to.include('toolu_');
  });

  it('takes the answer that was given by the tool for the text and the JSON', () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const format: ResponseFormat = { type: 'json_schema', name: 'answer', schema };
    const answered = (input: unknown) =>
      message([{ type: 'tool_use', id: 't', name: 'structured_answer', input }], 'tool_use');
    const json = { city: 'Oslo' };
    expect(read(answered(json), format)).to.deep.equal(said('{"city":"Oslo"}', 'stop', { json }));
    expect(read(answered({ city: 7 }), format)).to.include({ code: 'GENERATION_FAILED' });
  });

  it('is moderation where it refuses without a word, by its category', () => {
    const refusal = { type: 'refusal', category: 'cyber', explanation: 'no' };
    expect(read(message([], 'refusal', { stop_details: refusal }))).to.deep.equal({
      kind: 'failed',
      code: 'CONTENT_MODERATION_REJECTED',
      retryable: false,
      countsAsFailure: false,
      detail: 'stop_reason refusal',
      details: [{ code: 'illicit', message: 'The content is not allowed by the model.' }],
    });
  });

  it('is a failed attempt where a turn paused, or where nothing can be read', () => {
    for (const word of ['pause_turn', 'error', 'server_overloaded'])
      expect(read(message([text('x')], word))).to.include({ code: 'GENERATION_FAILED' });
    expect(read({ id: 'x' })).to.include({
      code: 'GENERATION_FAILED',
      detail: 'HTTP 200, without content',
    });
  });

  it('counts what a cache had a part in, and what was thought', () => {
    const usage = {
      input_tokens: 3,
      cache_creation_input_tokens: 2,
      cache_read_input_tokens: 4,
      output_tokens: 20,
      output_tokens_details: { thinking_tokens: 12 },
    };
    expect(read(message([text('x')], 'end_turn', { usage }))).to.deep.include({
      usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 20, reasoningTokens: 12 },
    });
    const none = { input_tokens: -1, output_tokens: 'x' };
    expect(read(message([text('x'.repeat(40))], 'end_turn', { usage: none }))).to.deep.include({
      usage: { inputTokens: 5, outputTokens: 10 },
    });
  });
});

describe('anthropic-messages: a stream that nobody asked for', () => {
  const start = {
    type: 'message_start',
    message: message([], null, { usage: { input_tokens: 9, output_tokens: 1 } }),
  };
  const end = [
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { input_tokens: null, output_tokens: 2 },
    },
    { type: 'message_stop' },
  ];
  const block = (index: number, content_block: object) => ({
    type: 'content_block_start',
    index,
    content_block,
  });
  const delta = (index: number, one: object) => ({
    type: 'content_block_delta',
    index,
    delta: one,
  });

  it('is folded to the message that it would have been', () => {
    const folded = foldMessages([
      start,
      block(0, { type: 'thinking', thinking: '' }),
      delta(0, { type: 'thinking_delta', thinking: 'hm' }),
      block(1, text('')),
      { type: 'ping' },
      delta(1, { type: 'text_delta', text: 'Be' }),
      delta(1, { type: 'text_delta', text: 'cause' }),
      { type: 'content_block_stop', index: 1 },
      ...end,
    ]);
    if (folded === 'cut') throw new Error(folded);
    expect(read(folded)).to.deep.equal(said('Because', 'stop'));
  });

  it('has the arguments of tools put together', () => {
    const folded = foldMessages([
      start,
      block(0, { type: 'tool_use', id: 't', name: 'weather', input: {} }),
      delta(0, { type: 'input_json_delta', partial_json: '' }),
      delta(0, { type: 'input_json_delta', partial_json: '{"city":' }),
      delta(0, { type: 'input_json_delta', partial_json: '"Oslo"}' }),
      block(1, { type: 'tool_use', id: 'u', name: 'now', input: {} }),
      ...end,
    ]);
    if (folded === 'cut') throw new Error(folded);
    const outcome = read(folded);
    expect(outcome).to.have.nested.property('output.toolCalls[0].arguments.city', 'Oslo');
    expect(outcome).to.have.nested.property('output.toolCalls[1].arguments').that.deep.equals({});
  });

  it('has a structured answer put together', () => {
    const folded = foldMessages([
      start,
      block(0, { type: 'tool_use', id: 't', name: 'structured_answer', input: {} }),
      delta(0, { type: 'input_json_delta', partial_json: '{"city":' }),
      delta(0, { type: 'input_json_delta', partial_json: '"Oslo"}' }),
      ...end,
    ]);
    if (folded === 'cut') throw new Error(folded);
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const outcome = read(folded, { type: 'json_schema', name: 'answer', schema });
    expect(outcome).to.have.deep.nested.property('output.json', { city: 'Oslo' });
  });

  it('is cut where no event says why it ended', () => {
    expect(foldMessages([start, block(0, text('Be'))])).to.equal('cut');
    expect(foldMessages([])).to.equal('cut');
  });
});
