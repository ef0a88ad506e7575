import { expect } from 'chai';
import type { ProviderCall } from '../port.js';
import { FILE, textCall } from '../testing/text-call.js';
import { textRequestOf } from '../text/request.js';
import { chatBody } from './chat-request.js';

async function bodyOf(input: ProviderCall['input'], more: Partial<ProviderCall> = {}) {
  const call = textCall(input, more);
  const request = textRequestOf(call);
  const read = 'refusal' in request ? request : await chatBody(call, request);
  return 'refusal' in read ? read.refusal : read.body;
}

const user = (content: unknown) => ({ role: 'user', content });

describe('openai-chat: the body of a request', () => {
  it('has all of the canonical input, a whole answer asked for, and nothing else', async () => {
    const body = await bodyOf({
      prompt: 'Why?',
      system: 'Be brief.',
      max_tokens: 64,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['END', '---'],
      seed: 7,
      reasoning_effort: 'low',
    });
    expect(body).to.deep.equal({
      model: 'm',
      messages: [{ role: 'system', content: 'Be brief.' }, user('Why?')],
      stream: false,
      max_tokens: 64,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['END', '---'],
      seed: 7,
      reasoning_effort: 'low',
    });
  });

  it('names the bound as the model knows it, or as the route says', async () => {
    const fieldsFor = async (providerModel: string, routeRequest = {}) =>
      Object.keys(await bodyOf({ prompt: 'x', max_tokens: 5 }, { providerModel, routeRequest }));
    const rest = ['model', 'messages', 'stream'];
    for (const model of ['o1', 'o3-mini', 'gpt-5.1', 'openai/gpt-5-mini', 'openai/o4-mini'])
      expect(await fieldsFor(model), model).to.deep.equal([...rest, 'max_completion_tokens']);
    for (const model of ['gpt-4o', 'openai/gpt-oss-120b', 'llama3', 'mistral-large'])
      expect(await fieldsFor(model), model).to.deep.equal([...rest, 'max_tokens']);
    const said = await fieldsFor('my-deployment', { max_tokens_field: 'max_completion_tokens' });
    expect(said).to.deep.equal([...rest, 'max_completion_tokens']);
  });

  it('passes and adds what the route allows by name', async () => {
    const routeRequest = { pass: ['top_k', 'min_p'], add: { service_tier: 'flex' } };
    expect(await bodyOf({ prompt: 'x', top_k: 40 }, { routeRequest })).to.deep.equal({
      model: 'm',
      messages: [user('x')],
      stream: false,
      top_k: 40,
      service_tier: 'flex',
    });
  });

  it('carries files as parts: by URL where the provider may fetch them, else as data', async () => {
    const content = [
      { type: 'text', text: 'What is this?' },
      { type: 'image', file_id: FILE(1) },
      { type: 'image', file_id: FILE(2) },
      { type: 'audio', file_id: FILE(3) },
      { type: 'file', file_id: FILE(4) },
      { type: 'file', file_id: FILE(5) },
    ];
    const body = await bodyOf({ messages: [user(content)] });
    expect((body as { messages: unknown }).messages).to.deep.equal([
      user([
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,cG5n' } },
        { type: 'image_url', image_url: { url: 'https://files.example/2?sig=x' } },
        { type: 'input_audio', input_audio: { data: 'bXAz', format: 'mp3' } },
        {
          type: 'file',
          file: { filename: 'file.pdf', file_data: 'data:application/pdf;base64,cGRm' },
        },
        { type: 'text', text: 'plain' },
      ]),
    ]);
  });

  it('carries tools, calls of them and their results', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const calls = [{ id: 'abc123def', name: 'weather', arguments: { city: 'Oslo' } }];
    const body = await bodyOf({
      messages: [
        user('Rain?'),
        { role: 'assistant', content: '', tool_calls: calls },
        { role: 'tool', tool_call_id: 'abc123def', content: '{"rain":true}' },
        { role: 'assistant', content: [{ type: 'text', text: 'Yes' }] },
      ],
      tools: [{ name: 'weather', description: 'Tells the weather.', parameters }],
      tool_choice: { name: 'weather' },
    });
    const called = { name: 'weather', arguments: '{"city":"Oslo"}' };
    expect(body).to.deep.equal({
      model: 'm',
      messages: [
        user('Rain?'),
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'abc123def', type: 'function', function: called }],
        },
        { role: 'tool', tool_call_id: 'abc123def', content: '{"rain":true}' },
        { role: 'assistant', content: 'Yes' },
      ],
      stream: false,
      tools: [
        {
          type: 'function',
          function: { name: 'weather', description: 'Tells the weather.', parameters },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'weather' } },
    });
  });

  it('reads tools and formats in the nesting of OpenAI too', async () => {
    const schema = { type: 'object', properties: {}, additionalProperties: false };
    const tool = { type: 'function', function: { name: 'now', parameters: schema } };
    const call = { id: 'c1', type: 'function', function: { name: 'now', arguments: '{"a":1}' } };
    const body = await bodyOf({
      messages: [{ role: 'assistant', content: null, tool_calls: [call] }, user('x')],
      tools: [tool],
      tool_choice: 'required',
      response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema } },
    });
    expect(body).to.deep.include({
      messages: [{ role: 'assistant', content: null, tool_calls: [call] }, user('x')],
      tools: [tool],
      tool_choice: 'required',
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } },
    });
  });

  it('asks for JSON, strictly where the schema allows it', async () => {
    const formatFor = async (format: unknown, prompt = 'x') => {
      const body = await bodyOf({ prompt, response_format: format });
      const { messages, response_format: asked } = body as Record<string, unknown>;
      return [messages, asked];
    };
    const says = { role: 'system', content: 'Answer in JSON.' };
    const object = { type: 'json_object' };
    expect(await formatFor({ type: 'json' })).to.deep.equal([[says, user('x')], object]);
    expect(await formatFor({ type: 'json' }, 'as JSON')).to.deep.equal([[user('as JSON')], object]);
    expect(await formatFor({ type: 'text' })).to.deep.equal([[user('x')], undefined]);
    const loose = { type: 'object', properties: { a: { type: 'string' } } };
    const strict = { ...loose, required: ['a'], additionalProperties: false };
    for (const [schema, isStrict] of [
      [loose, false],
      [strict, true],
      [{ ...strict, minProperties: 1 }, false],
      [{ type: 'array', items: strict }, false],
    ] as const)
      expect(await formatFor({ type: 'json_schema', schema })).to.deep.equal([
        [user('x')],
        { type: 'json_schema', json_schema: { name: 'answer', schema, strict: isStrict } },
      ]);
  });

  it('is not sent where the input has a field that neither it nor its route knows', async () => {
    for (const name of ['n', 'stream', 'model', 'user', 'top_k', 'max_completion_tokens'])
      expect(await bodyOf({ prompt: 'x', [name]: 1 })).to.deep.equal({
        kind: 'failed',
        code: 'INPUT_VALIDATION_ERROR',
        retryable: true,
        elsewhere: true,
        countsAsFailure: false,
        detail: 'not sent: no place for a field',
        details: [
          {
            field: `input.${name}`,
            code: 'unsupported',
            message: 'is not supported by this model',
          },
        ],
      });
  });

  it('is not sent where a file is gone, of a kind with no place, or said by another', async () => {
    const after = async (content: unknown, role = 'user') => {
      const refusal = await bodyOf({ messages: [user('x'), { role, content }] });
      const { code, retryable, details } = refusal as Record<string, unknown>;
      return [code, retryable, (details as { field: string }[])[0]?.field];
    };
    const at = 'input.messages[1].content[0]';
    expect(await after([{ type: 'image', file_id: FILE(9) }])).to.deep.equal([
      'FILE_NOT_FOUND',
      false,
      `${at}.file_id`,
    ]);
    for (const type of ['image', 'audio', 'file'])
      expect(await after([{ type, file_id: FILE(6) }])).to.deep.equal([
        'FILE_FORMAT_UNSUPPORTED',
        true,
        `${at}.file_id`,
      ]);
    expect(await after([{ type: 'image_url', image_url: {} }])).to.deep.equal([
      'INPUT_VALIDATION_ERROR',
      true,
      `${at}.type`,
    ]);
    expect(await after([{ type: 'image', file_id: FILE(1) }], 'assistant')).to.deep.equal([
      'INPUT_VALIDATION_ERROR',
      true,
      at,
    ]);
  });
});
