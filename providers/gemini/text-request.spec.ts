import { expect } from 'chai';
import type { ProviderCall } from '../port.js';
import { FILE, textCall } from '../testing/text-call.js';
import { textRequestOf } from '../text/request.js';
import { contentBody } from './text-request.js';

async function bodyOf(input: ProviderCall['input'], more: Partial<ProviderCall> = {}) {
  const call = textCall(input, { providerModel: 'gemini-2.5-flash', ...more });
  const request = textRequestOf(call);
  const read = 'refusal' in request ? request : await contentBody(call, request);
  return 'refusal' in read ? read.refusal : read.body;
}

const user = (...parts: object[]) => ({ role: 'user', parts });
const said = (role: string, content: unknown, more = {}) => ({ role, content, ...more });

describe('gemini-text: the body of a request', () => {
  it('has all of the canonical input, and nothing else', async () => {
    const body = await bodyOf({
      prompt: 'Why?',
      system: 'Be brief.',
      max_tokens: 64,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['END'],
      seed: 7,
    });
    expect(body).to.deep.equal({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [user({ text: 'Why?' })],
      generationConfig: {
        maxOutputTokens: 64,
        temperature: 0.5,
        topP: 0.9,
        stopSequences: ['END'],
        seed: 7,
      },
    });
    expect(await bodyOf({ prompt: 'x' })).to.deep.equal({ contents: [user({ text: 'x' })] });
  });

  it('passes into generationConfig and adds beside it what the route says', async () => {
    const safetySettings = [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }];
    const routeRequest = { pass: ['topK'], add: { safetySettings } };
    expect(await bodyOf({ prompt: 'x', topK: 40 }, { routeRequest })).to.deep.equal({
      contents: [user({ text: 'x' })],
      generationConfig: { topK: 40 },
      safetySettings,
    });
  });

  it('carries files as data, by their kind', async () => {
    const content = [1, 2, 3, 4, 5, 6].map((digit) => ({
      type: digit < 3 ? 'image' : digit === 3 ? 'audio' : 'file',
      file_id: FILE(digit),
    }));
    const inline = (mimeType: string, data: string) => ({ inlineData: { mimeType, data } });
    expect(await bodyOf({ messages: [said('user', content)] })).to.deep.equal({
      contents: [
        user(
          inline('image/png', 'cG5n'),
          inline('image/jpeg', 'anBlZw=='),
          inline('audio/mpeg', 'bXAz'),
          inline('application/pdf', 'cGRm'),
          inline('text/plain', 'cGxhaW4='),
          inline('video/mp4', 'bXA0'),
        ),
      ],
    });
  });

  it('carries tools, calls of them, and their results together', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const call = (id: string, city: string) => ({ id, name: 'weather', arguments: { city } });
    const input = {
      messages: [
        said('user', 'Rain?'),
        said('assistant', '', { tool_calls: [call('a', 'Oslo'), call('b', 'Rome')] }),
        said('tool', '{"rain":true}', { tool_call_id: 'a' }),
        said('tool', 'no', { tool_call_id: 'b' }),
      ],
      tools: [{ name: 'weather', description: 'Tells.', parameters }],
      tool_choice: { name: 'weather' },
    };
    const called = (city: string) => ({ functionCall: { name: 'weather', args: { city } } });
    const answered = (response: object) => ({ functionResponse: { name: 'weather', response } });
    const body = {
      contents: [
        user({ text: 'Rain?' }),
        { role: 'model', parts: [called('Oslo'), called('Rome')] },
        user(answered({ rain: true }), answered({ result: 'no' })),
      ],
      tools: [
        {
          functionDeclarations: [
            { name: 'weather', description: 'Tells.', parametersJsonSchema: parameters },
          ],
        },
      ],
      toolConfig: {
        functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] },
      },
    };
    expect(await bodyOf(input)).to.deep.equal(body);
    const [, model] = (
      (await bodyOf(input, { providerModel: 'gemini-3-pro' })) as { contents: unknown[] }
    ).contents;
    const thoughtSignature = 'skip_thought_signature_validator';
    expect(model).to.deep.equal({
      role: 'model',
      parts: [{ ...called('Oslo'), thoughtSignature }, called('Rome')],
    });
    const choosing = async (choice: string) => {
      const tools = [{ name: 'weather', parameters }];
      const asked = await bodyOf({ prompt: 'x', tools, tool_choice: choice });
      return (asked as Record<string, unknown>)['toolConfig'];
    };
    for (const [choice, mode] of [
      ['auto', 'AUTO'],
      ['none', 'NONE'],
      ['required', 'ANY'],
    ] as const)
      expect(await choosing(choice)).to.deep.equal({ functionCallingConfig: { mode } });
  });

  it('thinks by a level or by a budget, and asks for JSON by its schema', async () => {
    const config = async (input: ProviderCall['input'], providerModel = 'gemini-2.5-pro') =>
      ((await bodyOf({ prompt: 'x', ...input }, { providerModel })) as Record<string, unknown>)[
        'generationConfig'
      ];
    const asked = { max_tokens: 4_000, reasoning_effort: 'high' };
    expect(await config(asked)).to.deep.equal({
      maxOutputTokens: 4_000,
      thinkingConfig: { thinkingBudget: 3_200 },
    });
    expect(await config({ max_tokens: 100, reasoning_effort: 'low' })).to.deep.equal({
      maxOutputTokens: 100,
      thinkingConfig: { thinkingBudget: 128 },
    });
    expect(await config({ reasoning_effort: 'none' })).to.deep.equal({
      thinkingConfig: { thinkingBudget: 0 },
    });
    expect(await config(asked, 'gemini-3-flash')).to.deep.equal({
      maxOutputTokens: 4_000,
      thinkingConfig: { thinkingLevel: 'high' },
    });
    const schema = { type: 'object', properties: {} };
    expect(await config({ response_format: { type: 'json' } })).to.deep.equal({
      responseMimeType: 'application/json',
    });
    expect(await config({ response_format: { type: 'json_schema', schema } })).to.deep.equal({
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
  });

  it('has one content for what stands together, and one at least', async () => {
    const messages = [said('system', 'One.'), said('user', 'a'), said('user', 'b')];
    expect(await bodyOf({ messages })).to.deep.equal({
      systemInstruction: { parts: [{ text: 'One.' }] },
      contents: [user({ text: 'a' }, { text: 'b' })],
    });
    expect(await bodyOf({ messages: [said('system', 'One.')] })).to.deep.include({
      contents: [user({ text: '.' })],
    });
  });

  it('is not sent where the format has no place for a file', async () => {
    const refused = async (content: unknown, role = 'user') => {
      const refusal = await bodyOf({ messages: [said(role, content)] });
      const { code, elsewhere } = refusal as Record<string, unknown>;
      return [code, elsewhere];
    };
    const wrong = [{ type: 'image', file_id: FILE(4) }];
    expect(await refused(wrong)).to.deep.equal(['FILE_FORMAT_UNSUPPORTED', true]);
    const picture = [{ type: 'image', file_id: FILE(1) }];
    expect(await refused(picture, 'system')).to.deep.equal(['INPUT_VALIDATION_ERROR', true]);
  });
});
