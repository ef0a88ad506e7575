import { expect } from 'chai';
import type { ProviderCall, Providers } from '../port.js';
import { providerAdapterContract, providerAt } from '../testing/contract.js';
import { openProviders } from '../open-providers.js';
import { json, openStage, type Stage } from '../testing/stage.js';

const answer = {
  id: 'chatcmpl-1',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'Because.' }, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
};

providerAdapterContract('openai-chat', {
  adapter: 'openai-chat',
  path: '/chat/completions',
  call: { modality: 'text', input: { prompt: 'canary-prompt-1b2f Why?', max_tokens: 64 } },
  answer,
  outcome: {
    kind: 'succeeded',
    output: { modality: 'text', text: 'Because.', finishReason: 'stop' },
    usage: { inputTokens: 9, outputTokens: 2 },
  },
});

describe('provider adapter: openai-chat, its own', () => {
  let stage: Stage;
  let providers: Providers;

  beforeEach(async () => {
    stage = await openStage();
    providers = openProviders({ credentials: () => undefined });
  });

  afterEach(async () => {
    await providers.close();
    await stage.close();
  });

  const call = (input: ProviderCall['input']) =>
    providers.adapter('openai-chat').call({
      provider: providerAt(stage.url, 'openai-chat'),
      providerModel: 'm',
      modality: 'text',
      input,
      dispatchKey: 'k',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
    });

  const answering = (choice: object, usage: unknown = undefined) =>
    stage.play(json({ choices: [choice], usage }));

  const usageAfter = async (usage: string) => {
    stage.play(json(`{"choices":${JSON.stringify(answer.choices)},"usage":${usage}}`));
    const outcome = await call({ prompt: 'Why?', max_tokens: 16 });
    return outcome.kind === 'succeeded' ? outcome.usage : outcome;
  };

  it('makes a conversation of prompt and system, and passes the rest by name', async () => {
    stage.play(json(answer));
    await call({ prompt: 'Why?', system: 'Be brief.', max_tokens: 5, temperature: 0.5, stream: 1 });
    await call({ messages: [{ role: 'user', content: 'Why?' }], n: 5, model: 'other' });
    expect(stage.seen.map(({ body }) => body)).to.deep.equal([
      {
        model: 'm',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Why?' },
        ],
        max_tokens: 5,
        temperature: 0.5,
      },
      { model: 'm', messages: [{ role: 'user', content: 'Why?' }] },
    ]);
  });

  it('tells why the text ended, in words of its own', async () => {
    for (const [given, told] of [
      ['length', 'length'],
      ['content_filter', 'content_filter'],
      ['aurora_internal', 'stop'],
      [null, 'stop'],
    ]) {
      answering({ message: { content: 'x' }, finish_reason: given });
      const outcome = await call({ prompt: 'Why?' });
      expect(outcome).to.have.nested.property('output.finishReason', told);
    }
  });

  it('takes withheld content for moderation, and a refusal in words for an answer', async () => {
    answering({ message: { content: null }, finish_reason: 'content_filter' });
    expect(await call({ prompt: 'Why?' })).to.include({
      kind: 'failed',
      code: 'CONTENT_MODERATION_REJECTED',
      retryable: false,
    });
    answering({ message: { content: null, refusal: 'I will not.' }, finish_reason: 'stop' });
    expect(await call({ prompt: 'Why?' })).to.have.nested.property('output.text', 'I will not.');
    answering({ message: { content: null, tool_calls: [] }, finish_reason: 'tool_calls' });
    expect(await call({ prompt: 'Why?' })).to.include({ code: 'GENERATION_FAILED' });
  });

  it('replaces what no store can keep', async () => {
    answering({ message: { content: 'a\0b\ud800c\u{1f600}' }, finish_reason: 'stop' });
    const outcome = await call({ prompt: 'Why?' });
    expect(outcome).to.have.nested.property('output.text', 'a\ufffdb\ufffdc\u{1f600}');
  });

  it('believes counts up to what was asked, and counts itself where there is none', async () => {
    const of = (inputTokens: number, outputTokens: number) => ({ inputTokens, outputTokens });
    expect(await usageAfter('{"prompt_tokens":7,"completion_tokens":3}')).to.deep.equal(of(7, 3));
    expect(await usageAfter('{"prompt_tokens":0,"completion_tokens":0}')).to.deep.equal(of(0, 0));
    const huge = '{"prompt_tokens":9007199254740991,"completion_tokens":17}';
    expect(await usageAfter(huge)).to.deep.equal(of(20, 16));
    const own = of(5, 2);
    expect(await usageAfter('{"prompt_tokens":-7,"completion_tokens":-1}')).to.deep.equal(own);
    expect(await usageAfter('{"prompt_tokens":1e308,"completion_tokens":1e400}')).to.deep.equal(
      own,
    );
    expect(await usageAfter('{"prompt_tokens":1.5,"completion_tokens":"2"}')).to.deep.equal(own);
    expect(await usageAfter('[1]')).to.deep.equal(own);
    expect(await usageAfter('null')).to.deep.equal(own);
  });
});
