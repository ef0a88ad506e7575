import { expect } from 'chai';
import type { ResponseFormat } from '../text/request.js';
import { chatResult } from './chat-answer.js';

const call = { input: { prompt: 'Why?', max_tokens: 64 }, dispatchKey: 'k' };
const read = (answer: Record<string, unknown>, format: ResponseFormat = { type: 'text' }) =>
  chatResult(call, format, answer);
const choice = (message: unknown, finish: unknown = 'stop', more = {}) => ({
  choices: [{ index: 0, message, finish_reason: finish, ...more }],
  usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
});
const said = (text: string, finishReason: string, more = {}) => ({
  kind: 'succeeded',
  output: { modality: 'text', text, finishReason, ...more },
  usage: { inputTokens: 9, outputTokens: 2 },
});

describe('openai-chat: how an answer is read', () => {
  it('says why it ended in words of ours; what is cut is a length, what is unknown other', () => {
    const ends: Record<string, readonly unknown[]> = {
      stop: ['stop', 'eos', 'end_turn', 'COMPLETE', 'STOP'],
      length: ['length', 'max_tokens', 'model_length', 'MAX_TOKENS', 'max_output_tokens'].concat(
        ['REASON_MAX_LEN', 'context_length_exceeded', 'model_context_window_exceeded', 'truncated'],
        ['max_len', 'token_limit', 'maxTokens', 'FinishReason.MAX_TOKENS', 'max-tokens'],
        ['context_window_exceeded'],
      ),
      content_filter: ['content_filter', 'SAFETY', 'sensitive', 'guardrail_intervened'].concat(
        ['content_filter: PROHIBITED_CONTENT', 'IMAGE_RECITATION', 'BLOCKLIST', 'SPII'],
        ['MODEL_ARMOR', 'IMAGE_PROHIBITED_CONTENT'],
      ),
      tool_calls: ['tool_calls', 'tool_use'],
      other: [null, 'aurora_internal', '', 7, 'constructor', 'climax', 'unlimited'],
    };
    for (const [told, words] of Object.entries(ends))
      for (const word of words)
        expect(read(choice({ content: 'x' }, word)), String(word)).to.deep.equal(said('x', told));
  });

  it('takes a generation that failed midway for a failed attempt, whatever text it has', () => {
    const failures = [
      ['error', 'GENERATION_FAILED'],
      ['network_error', 'GENERATION_FAILED'],
      ['ERROR', 'GENERATION_FAILED'],
      ['insufficient_system_resource', 'MODEL_OVERLOADED'],
      ['abort', 'GENERATION_FAILED'],
      ['server_error', 'GENERATION_FAILED'],
      ['internal_failure', 'GENERATION_FAILED'],
      ['cancelled', 'GENERATION_FAILED'],
      ['request_timed_out', 'GENERATION_FAILED'],
    ];
    for (const [word, code] of failures)
      for (const content of ['Half of a', '', null])
        expect(read(choice({ content }, word)), word).to.deep.equal({
          kind: 'failed',
          code,
          retryable: true,
          countsAsFailure: true,
          detail: `finish_reason ${word!.toLowerCase()}`,
        });
  });

  it('takes an error on the choice by the code inside, and an empty one for none', () => {
    const after = (error: unknown) => read(choice({ content: 'Half' }, 'stop', { error }));
    expect(after({ code: 429, message: 'slow down' })).to.include({
      kind: 'failed',
      code: 'MODEL_OVERLOADED',
      countsAsFailure: false,
    });
    expect(after({ code: 502, message: 'gone' })).to.include({ code: 'MODEL_UNAVAILABLE' });
    expect(after({ message: 'broken' })).to.include({ code: 'GENERATION_FAILED', retryable: true });
    expect(after('broken')).to.include({ kind: 'failed', code: 'GENERATION_FAILED' });
    for (const none of [{}, null, '', undefined])
      expect(after(none)).to.deep.equal(said('Half', 'stop'));
  });

  it('reads content in any shape', () => {
    const thinking = { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] };
    const shapes: [unknown, string][] = [
      [[thinking, { type: 'text', text: 'Be' }, { type: 'text', text: 'cause' }], 'Because'],
      [[{ type: 'reasoning', text: 'hm' }, 'Because', { type: 'strange', x: 1 }, null], 'Because'],
      [{ type: 'text', text: 'Because' }, 'Because'],
      ['a\0b\ud800c\u{1f600}', 'a\ufffdb\ufffdc\u{1f600}'],
    ];
    for (const [content, text] of shapes)
      expect(read(choice({ content }))).to.deep.equal(said(text, 'stop'));
    const legacy = { choices: [{ text: 'Because', finish_reason: 'stop' }], usage: {} };
    expect(read(legacy)).to.have.nested.property('output.text', 'Because');
    const piece = { choices: [{ delta: { content: 'Because' }, finish_reason: 'stop' }] };
    expect(read(piece)).to.have.nested.property('output.text', 'Because');
    const ordered = [2, 0, 1].map((index) => ({ index, message: { content: `c${index}` } }));
    expect(read({ choices: ordered })).to.have.nested.property('output.text', 'c0');
  });

  it('says of an empty answer that it is one', () => {
    for (const content of [null, undefined, '', [], [{ type: 'thinking', thinking: 'hm' }]]) {
      expect(read(choice({ content }, 'length'))).to.deep.equal(said('', 'length'));
      expect(read(choice({ content }, 'stop'))).to.deep.equal(said('', 'other'));
    }
    expect(read(choice(undefined, 'length'))).to.deep.equal(said('', 'length'));
  });

  it('takes withheld content for moderation, and a refusal in words for a filtered answer', () => {
    expect(read(choice({ content: null }, 'content_filter'))).to.deep.equal({
      kind: 'failed',
      code: 'CONTENT_MODERATION_REJECTED',
      retryable: false,
      countsAsFailure: false,
      detail: 'withheld by the provider, without a word of it',
      details: [{ code: 'other', message: 'The content is not allowed by the model.' }],
    });
    const results = { violence: { filtered: true }, hate: { filtered: false } };
    const azure = choice({ content: null }, 'content_filter', { content_filter_results: results });
    expect(read(azure)).to.have.deep.property('details', [
      { code: 'violence', message: 'The content is not allowed by the model.' },
    ]);
    expect(read(choice({ content: 'Half', refusal: null }, 'content_filter'))).to.deep.equal(
      said('Half', 'content_filter'),
    );
    const refused = choice({ content: null, refusal: 'I will not.' });
    expect(read(refused)).to.deep.equal(said('I will not.', 'content_filter'));
    const asked: ResponseFormat = { type: 'json' };
    expect(read(refused, asked)).to.deep.equal(said('I will not.', 'content_filter'));
  });

  it('names the shape of what it cannot read, and asks no more', () => {
    const unread: [Record<string, unknown>, string][] = [
      [{}, 'HTTP 200, without a choice'],
      [{ choices: [] }, 'HTTP 200, without a choice'],
      [{ choices: ['x'] }, 'HTTP 200, without a choice'],
      [{ choices: [{ message: 'x' }] }, 'HTTP 200, a choice without a message'],
      [choice({ content: 7 }), 'HTTP 200, content of type number'],
      [choice({ content: { value: 'x' } }), 'HTTP 200, content of type object'],
      [choice({ content: [{ type: 'strange', x: 1 }, null] }), 'HTTP 200, content of type list'],
    ];
    for (const [answer, detail] of unread)
      expect(read(answer)).to.deep.equal({
        kind: 'failed',
        code: 'GENERATION_FAILED',
        retryable: true,
        elsewhere: true,
        countsAsFailure: true,
        detail,
      });
  });

  it('reads calls of tools: arguments as an object, else as text, ids of ours', () => {
    const fn = (name: unknown, args: unknown) => ({
      id: 'toolu_theirs',
      type: 'function',
      function: { name, arguments: args },
    });
    const outcome = read(
      choice({
        content: null,
        tool_calls: [
          fn('weather', '{"city":"Oslo"}'),
          fn('note', '{"a":'),
          fn('now', ''),
          fn(7, ''),
        ],
      }),
    );
    if (outcome.kind !== 'succeeded' || outcome.output.modality !== 'text')
      throw new Error(outcome.kind);
    const { toolCalls = [], ...rest } = outcome.output;
    expect(rest).to.deep.equal({ modality: 'text', text: '', finishReason: 'tool_calls' });
    expect(toolCalls.map(({ name, arguments: args }) => [name, args])).to.deep.equal([
      ['weather', { city: 'Oslo' }],
      ['note', '{"a":'],
      ['now', {}],
    ]);
    const ids = toolCalls.map((one) => one.id);
    for (const one of ids) expect(one).to.match(/^[a-z0-9]{9}$/);
    expect(new Set(ids).size).to.equal(3);
    const old = choice(
      { content: null, function_call: { name: 'f', arguments: {} } },
      'function_call',
    );
    expect(read(old)).to.have.nested.property('output.toolCalls[0].name', 'f');
    const cut = choice({ content: null, tool_calls: [fn('f', '{"a":')] }, 'length');
    expect(read(cut)).to.have.nested.property('output.finishReason', 'length');
  });

  it('counts tokens under either name, cached and reasoning ones too', () => {
    const used = (usage: unknown) => {
      const outcome = read({ ...choice({ content: 'x'.repeat(40) }), usage });
      return outcome.kind === 'succeeded' ? outcome.usage : outcome;
    };
    expect(
      used({
        prompt_tokens: 9,
        completion_tokens: 20,
        total_tokens: 29,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 12 },
      }),
    ).to.deep.equal({
      inputTokens: 9,
      cachedInputTokens: 4,
      outputTokens: 20,
      reasoningTokens: 12,
    });
    const responses = {
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 1 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 0 },
    };
    expect(used(responses)).to.deep.equal({
      inputTokens: 9,
      cachedInputTokens: 1,
      outputTokens: 20,
      reasoningTokens: 0,
    });
    expect(used({ prompt_tokens: 9, completion_tokens: 3, total_tokens: 60 })).to.deep.equal({
      inputTokens: 9,
      outputTokens: 51,
    });
    for (const none of [undefined, null, [1], 'x', { prompt_tokens: -7, completion_tokens: '-1' }])
      expect(used(none)).to.deep.equal({ inputTokens: 5, outputTokens: 10 });
  });
});

describe('openai-chat: a structured answer', () => {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  };
  const format: ResponseFormat = { type: 'json_schema', name: 'answer', schema };

  it('is there as JSON where it matches, and the text as it was', () => {
    const text = '{"city":"Oslo"}';
    const json = { city: 'Oslo' };
    expect(read(choice({ content: text }), format)).to.deep.equal(said(text, 'stop', { json }));
    const fenced = `\`\`\`json\n${text}\n\`\`\``;
    expect(read(choice({ content: fenced }), format)).to.deep.equal(said(fenced, 'stop', { json }));
    expect(read(choice({ content: '[1]' }), { type: 'json' })).to.deep.equal(
      said('[1]', 'stop', { json: [1] }),
    );
  });

  it('is a failed attempt where it does not match', () => {
    for (const [content, detail] of [
      ['{"city":7}', 'the answer does not match its schema: type'],
      ['{}', 'the answer does not match its schema: required'],
      ['Oslo', 'the answer is no JSON'],
      [null, 'the answer is no JSON'],
    ])
      expect(read(choice({ content }), format)).to.deep.equal({
        kind: 'failed',
        code: 'GENERATION_FAILED',
        retryable: true,
        elsewhere: true,
        countsAsFailure: false,
        detail,
      });
  });

  it('is a text where it was cut, and not asked for where a tool is called', () => {
    const cut = choice({ content: '{"city":' }, 'length');
    expect(read(cut, format)).to.deep.equal(said('{"city":', 'length'));
    const called = choice({ content: null, tool_calls: [{ function: { name: 'f' } }] });
    expect(read(called, format)).to.have.nested.property('output.finishReason', 'tool_calls');
  });
});
