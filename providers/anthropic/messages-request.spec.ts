import { expect } from 'chai';
import type { ProviderCall } from '../port.js';
import { FILE, textCall } from '../testing/text-call.js';
import { textRequestOf } from '../text/request.js';
import { messagesBody } from './messages-request.js';

const MODEL = 'claude-sonnet-4-6';

async function bodyOf(input: ProviderCall['input'], more: Partial<ProviderCall> = {}) {
  const call = textCall(input, { providerModel: MODEL, ...more });
  const request = textRequestOf(call);
  const read = 'refusal' in request ? request : await messagesBody(call, request);
  return 'refusal' in read ? read.refusal : read.body;
}

async function fieldOf(name: string, input: ProviderCall['input'], providerModel = MODEL) {
  return ((await bodyOf(input, { providerModel })) as Record<string, unknown>)[name];
}

const user = (content: unknown) => ({ role: 'user', content });

describe('anthropic-messages: the body of a request', () => {
  it('has all of the canonical input, and nothing else', async () => {
    const body = await bodyOf({
      prompt: 'Why?',
      system: 'Be brief.',
      max_tokens: 64,
      temperature: 0.5,
      top_p: 0.9,
      stop: 'END',
    });
    expect(body).to.deep.equal({
      model: MODEL,
      max_tokens: 64,
      system: 'Be brief.',
      messages: [user('Why?')],
      stream: false,
      temperature: 0.5,
      top_p: 0.9,
      stop_sequences: ['END'],
    });
    expect(await fieldOf('max_tokens', { prompt: 'x' })).to.equal(1_024);
  });

  it('passes and adds what the route allows by name', async () => {
    const routeRequest = { pass: ['top_k'], add: { service_tier: 'standard_only' } };
    const body = await bodyOf({ prompt: 'x', max_tokens: 5, top_k: 40 }, { routeRequest });
    expect(body).to.deep.equal({
      model: MODEL,
      max_tokens: 5,
      messages: [user('x')],
      stream: false,
      top_k: 40,
      service_tier: 'standard_only',
    });
  });

  it('has user and assistant in turn, a user first, and all of the system at the top', async () => {
    const messages = [
      { role: 'system', content: 'One.' },
      user('a'),
      user([{ type: 'text', text: 'b' }]),
      { role: 'assistant', content: 'c' },
      { role: 'assistant', content: '' },
      { role: 'system', content: 'Two.' },
      user('d'),
    ];
    const body = await bodyOf({ messages, system: 'Zero.', max_tokens: 5 });
    expect(body).to.deep.equal({
      model: MODEL,
      max_tokens: 5,
      system: 'Zero.\n\nOne.\n\nTwo.',
      messages: [
        user([
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ]),
        { role: 'assistant', content: 'c' },
        user('d'),
      ],
      stream: false,
    });
    const begun = [{ role: 'assistant', content: 'c' }];
    expect(await fieldOf('messages', { messages: begun })).to.deep.equal([user('.'), ...begun]);
  });

  it('carries pictures and documents, by URL where the provider may fetch them', async () => {
    const content = [
      { type: 'image', file_id: FILE(1) },
      { type: 'image', file_id: FILE(2) },
      { type: 'file', file_id: FILE(4) },
      { type: 'file', file_id: FILE(5) },
    ];
    const base64 = (media_type: string, data: string) => ({ type: 'base64', media_type, data });
    expect(await fieldOf('messages', { messages: [user(content)] })).to.deep.equal([
      user([
        { type: 'image', source: base64('image/png', 'cG5n') },
        { type: 'image', source: { type: 'url', url: 'https://files.example/2?sig=x' } },
        { type: 'document', source: base64('application/pdf', 'cGRm') },
        {
          type: 'document',
          source: { type: 'text', media_type: 'text/plain', data: 'plain' },
        },
      ]),
    ]);
  });

  it('carries tools, calls of them, and their results in one message', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const call = (id: string, city: string) => ({ id, name: 'weather', arguments: { city } });
    const result = (id: string, content: string) => ({
      role: 'tool',
      tool_call_id: id,
      content,
    });
    const body = await bodyOf({
      messages: [
        user('Rain?'),
        { role: 'assistant', content: 'Let me see.', tool_calls: [call('a1', 'Oslo')] },
        { role: 'assistant', tool_calls: [call('b.2', 'Rome')] },
        result('a1', 'yes'),
        result('b.2', 'no'),
        user('Well?'),
      ],
      tools: [{ name: 'weather', description: 'Tells.', parameters }],
      tool_choice: 'required',
      max_tokens: 5,
    });
    const used = (id: string, city: string) => ({
      type: 'tool_use',
      id,
      name: 'weather',
      input: { city },
    });
    expect(body).to.deep.equal({
      model: MODEL,
      max_tokens: 5,
      messages: [
        user('Rain?'),
        {
          role: 'assistant',
          content: [{ type: 'text', text: 'Let me see.' }, used('a1', 'Oslo'), used('b_2', 'Rome')],
        },
        user([
          { type: 'tool_result', tool_use_id: 'a1', content: 'yes' },
          { type: 'tool_result', tool_use_id: 'b_2', content: 'no' },
          { type: 'text', text: 'Well?' },
        ]),
      ],
      stream: false,
      tools: [{ name: 'weather', description: 'Tells.', input_schema: parameters }],
      tool_choice: { type: 'any' },
    });
    const choosing = async (choice: unknown) =>
      fieldOf('tool_choice', { prompt: 'x', tools: [{ name: 'weather' }], tool_choice: choice });
    expect(await choosing('auto')).to.deep.equal({ type: 'auto' });
    expect(await choosing('none')).to.deep.equal({ type: 'none' });
    expect(await choosing({ name: 'weather' })).to.deep.equal({ type: 'tool', name: 'weather' });
  });

  it('thinks by a level, or by a budget where the model or the route says so', async () => {
    const thinking = async (model: string, effort: string, max = 8_000, more = {}) => {
      const input = { prompt: 'x', max_tokens: max, reasoning_effort: effort };
      const body = await bodyOf(input, { providerModel: model, ...more });
      const { thinking, output_config: config } = body as Record<string, unknown>;
      return [thinking, config];
    };
    const adaptive = { type: 'adaptive' };
    const budget = (tokens: number) => ({ type: 'enabled', budget_tokens: tokens });
    expect(await thinking('claude-opus-4-8', 'high')).to.deep.equal([adaptive, { effort: 'high' }]);
    expect(await thinking('claude-sonnet-5', 'minimal')).to.deep.equal([
      adaptive,
      { effort: 'low' },
    ]);
    const olds = ['claude-sonnet-4-5-20250929', 'claude-opus-4-1', 'claude-sonnet-4-20250514'];
    for (const old of [...olds, 'claude-haiku-4-5', 'claude-3-7-sonnet-latest'])
      expect(await thinking(old, 'high'), old).to.deep.equal([budget(6_400), undefined]);
    expect(await thinking(olds[0]!, 'low', 2_000)).to.deep.equal([budget(1_024), undefined]);
    expect(await thinking(olds[0]!, 'low', 1_025)).to.deep.equal([budget(1_024), undefined]);
    const said = { routeRequest: { thinking: 'budget' } };
    expect(await thinking('mine', 'medium', 8_000, said)).to.deep.equal([budget(4_000), undefined]);
    expect(await thinking(MODEL, 'none')).to.deep.equal([undefined, undefined]);
  });

  it('asks for a schema by its own format, by a tool, or in words', async () => {
    const loose = { type: 'object', properties: { city: { type: 'string' } } };
    const strict = { ...loose, required: ['city'], additionalProperties: false };
    const asking = async (schema: object, more = {}, model = MODEL) => {
      const format = { type: 'json_schema', schema };
      const body = await bodyOf(
        { prompt: 'x', max_tokens: 2_000, response_format: format, ...more },
        { providerModel: model },
      );
      const {
        system,
        tools,
        tool_choice: choice,
        output_config: config,
      } = body as Record<string, unknown>;
      return { system, tools, choice, config };
    };
    const none = { system: undefined, tools: undefined, choice: undefined, config: undefined };
    expect(await asking(strict)).to.deep.equal({
      ...none,
      config: { format: { type: 'json_schema', schema: strict } },
    });
    const byTool = (schema: object) => ({
      ...none,
      tools: [
        { name: 'structured_answer', description: 'Gives the answer.', input_schema: schema },
      ],
      choice: { type: 'tool', name: 'structured_answer' },
    });
    expect(await asking(loose)).to.deep.equal(byTool(loose));
    expect(await asking(strict, {}, 'claude-3-5-haiku-latest')).to.deep.equal(byTool(strict));
    const said = `Answer in JSON alone, of this JSON Schema: ${JSON.stringify(loose)}`;
    const thinking = await asking(loose, { reasoning_effort: 'low', system: 'Be brief.' });
    expect(thinking).to.deep.equal({
      ...none,
      system: `Be brief.\n\n${said}`,
      config: { effort: 'low' },
    });
    const json = { prompt: 'x', response_format: { type: 'json' } };
    expect(await fieldOf('system', json)).to.equal('Answer in JSON alone.');
  });

  it('is not sent where the format has no place for a wish', async () => {
    const refused = async (input: ProviderCall['input'], providerModel = MODEL) => {
      const refusal = await bodyOf(input, { providerModel });
      const { code, elsewhere, details } = refusal as Record<string, unknown>;
      return [code, elsewhere, (details as { field: string }[] | undefined)?.[0]?.field];
    };
    const wish = (field: string) => ['INPUT_VALIDATION_ERROR', true, `input.${field}`];
    const at = 'messages[0].content[0]';
    const thinks = { prompt: 'x', max_tokens: 4_000, reasoning_effort: 'low' };
    expect(await refused({ prompt: 'x', seed: 1 })).to.deep.equal(wish('seed'));
    expect(await refused({ prompt: 'x', temperature: 1.2 })).to.deep.equal(wish('temperature'));
    expect(await refused({ ...thinks, temperature: 0 })).to.deep.equal(wish('temperature'));
    expect(await refused({ ...thinks, tools: [], tool_choice: 'required' })).to.deep.equal(
      wish('tool_choice'),
    );
    expect(await refused({ ...thinks, max_tokens: 1_024 }, 'claude-haiku-4-5')).to.deep.equal(
      wish('max_tokens'),
    );
    const audio = [{ type: 'audio', file_id: FILE(3) }];
    expect(await refused({ messages: [user(audio)] })).to.deep.equal(wish(at));
    const video = [{ type: 'image', file_id: FILE(6) }];
    expect(await refused({ messages: [user(video)] })).to.deep.equal([
      'FILE_FORMAT_UNSUPPORTED',
      true,
      `input.${at}.file_id`,
    ]);
  });
});
