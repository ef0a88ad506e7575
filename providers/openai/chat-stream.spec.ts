import { expect } from 'chai';
import type { TextOutput } from '../port.js';
import { chatResult } from './chat-answer.js';
import { foldChat } from './chat-stream.js';

const call = { input: { prompt: 'Why?', max_tokens: 64 }, dispatchKey: 'k' };
const read = (answer: Record<string, unknown>) => chatResult(call, { type: 'text' }, answer);
const choice = (message: unknown) => ({
  choices: [{ index: 0, message, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
});
const said = (text: string, finishReason: string) => ({
  kind: 'succeeded',
  output: { modality: 'text', text, finishReason },
  usage: { inputTokens: 9, outputTokens: 2 },
});

describe('openai-chat: a stream that nobody asked for', () => {
  const chunk = (delta: object, finish: string | null = null) => ({
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const folded = (...chunks: Record<string, unknown>[]) => {
    const answer = foldChat(chunks);
    return answer === 'cut' ? answer : read(answer);
  };

  it('is folded to the answer that it would have been', () => {
    const usage = { prompt_tokens: 9, completion_tokens: 2 };
    const outcome = folded(
      chunk({ role: 'assistant', content: '' }),
      chunk({ reasoning_content: 'hm' }),
      chunk({ content: 'Be' }),
      { choices: [{ index: 1, delta: { content: 'other' } }] },
      chunk({ content: [{ type: 'text', text: 'cause' }] }),
      chunk({}, 'stop'),
      { choices: [], usage },
    );
    expect(outcome).to.deep.equal(said('Because', 'stop'));
  });

  it('has its calls of tools put together by index', () => {
    const piece = (index: number, args: string, name?: string) => ({
      tool_calls: [{ index, function: { ...(name && { name }), arguments: args } }],
    });
    const outcome = folded(
      chunk(piece(0, '', 'weather')),
      chunk(piece(0, '{"city":')),
      chunk(piece(1, '{}', 'now')),
      chunk(piece(0, '"Oslo"}')),
      chunk({}, 'tool_calls'),
    );
    expect(outcome).to.have.nested.property('output.toolCalls[0].arguments.city', 'Oslo');
    expect(outcome).to.have.nested.property('output.toolCalls[1].name', 'now');
  });

  it('has calls apart that a server gives one index, or none', () => {
    const piece = (more: object, fn: object) => chunk({ tool_calls: [{ ...more, function: fn }] });
    const made = (...pieces: Record<string, unknown>[]) => {
      const outcome = folded(...pieces, chunk({}, 'tool_calls'));
      if (outcome === 'cut' || outcome.kind !== 'succeeded') return outcome;
      const { toolCalls = [] } = outcome.output as TextOutput;
      return toolCalls.map(({ id: _, ...call }) => call);
    };
    const city = (name: string) => ({ name: 'weather', arguments: `{"city":"${name}"}` });
    const both = ['Oslo', 'Bergen'].map((name) => ({ name: 'weather', arguments: { city: name } }));
    const zero = { index: 0 };
    expect(
      made(piece({ ...zero, id: 'a' }, city('Oslo')), piece({ ...zero, id: 'b' }, city('Bergen'))),
      'other ids',
    ).to.deep.equal(both);
    expect(made(piece(zero, city('Oslo')), piece(zero, city('Bergen'))), 'no ids').to.deep.equal(
      both,
    );
    const empty = { ...zero, id: '' };
    expect(made(piece(empty, city('Oslo')), piece(empty, city('Bergen')))).to.deep.equal(both);
    expect(made(piece({}, city('Oslo')), piece({}, city('Bergen'))), 'no index').to.deep.equal(
      both,
    );
    const [oslo] = both;
    expect(
      made(
        piece({ id: 'a' }, { name: 'weather', arguments: '' }),
        piece({}, { arguments: '{"city":' }),
        piece({}, { name: null, arguments: '"Oslo"}' }),
      ),
      'pieces without an index',
    ).to.deep.equal([oslo]);
    expect(
      made(
        piece({ ...zero, id: 'a' }, { name: 'weather', arguments: '{"city":' }),
        piece({ ...zero, id: 'a' }, { name: 'weather', arguments: '"Oslo"}' }),
        piece({ ...zero, id: 'a' }, { name: 'weather', arguments: '' }),
      ),
      'the name in each piece',
    ).to.deep.equal([oslo]);
    const old = (more: object) => chunk({ function_call: more });
    expect(
      made(old({ name: 'weather', arguments: '{"city":' }), old({ arguments: '"Oslo"}' })),
      'the older form',
    ).to.deep.equal([oslo]);
  });

  it('may say all that was written so far in each chunk', () => {
    const so = (content: string, finish: string | null = null) => ({
      choices: [{ index: 0, message: { content }, finish_reason: finish }],
      usage: { prompt_tokens: 9, completion_tokens: 2 },
    });
    expect(folded(so('Be'), so('Becau'), so('Because', 'stop'))).to.deep.equal(
      said('Because', 'stop'),
    );
    expect(folded(so('Be'), so('cause', 'stop')), 'or a piece').to.deep.equal(
      said('Because', 'stop'),
    );
  });

  it('is cut where its reasons are empty, and ends by the last that is one', () => {
    const empty = (content: string) => chunk({ content }, '');
    expect(folded(empty('Be'), empty('cau'))).to.equal('cut');
    const usage = { prompt_tokens: 9, completion_tokens: 2 };
    const last = { choices: [{ index: 0, delta: {}, finish_reason: '' }], usage };
    expect(folded(empty('Because'), chunk({}, 'stop'), last)).to.deep.equal(
      said('Because', 'stop'),
    );
  });

  it('fails by an error in a chunk, and is unknown where it broke off', () => {
    const error = { code: 503, message: 'gone' };
    expect(foldChat([chunk({ content: 'Be' }), { error }])).to.deep.equal({ error });
    expect(folded(chunk({ content: 'Be' }, 'error'))).to.include({ code: 'GENERATION_FAILED' });
    const failing = { choices: [{ index: 0, delta: {}, error }] };
    expect(folded(chunk({ content: 'Be' }), failing)).to.include({ code: 'MODEL_UNAVAILABLE' });
    expect(folded(chunk({ content: 'Be' }))).to.equal('cut');
  });

  it('is whole where the stream says so, though no chunk gives a reason', () => {
    const ended = (...chunks: Record<string, unknown>[]) => {
      const answer = foldChat(chunks, true);
      return answer === 'cut' ? answer : read(answer);
    };
    const usage = { prompt_tokens: 9, completion_tokens: 2 };
    const because = chunk({ content: 'Because' });
    expect(ended(because, { choices: [], usage })).to.deep.equal(said('Because', 'other'));
    const nothing = ended(chunk({ role: 'assistant' }));
    expect(nothing).to.include({ detail: 'HTTP 200, without a choice' });
  });

  it('may be the whole answer in one event', () => {
    expect(folded(choice({ content: 'Because' }))).to.deep.equal(said('Because', 'stop'));
  });
});
