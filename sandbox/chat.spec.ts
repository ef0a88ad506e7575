import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { request } from 'undici';
import {
  type ApiErrorBody,
  behave,
  calls,
  type ChatBody,
  post,
  prompt,
  withSandbox,
} from './testing/kit.js';

describe('sandbox chat completions', () => {
  const sandbox = withSandbox();
  const chatUrl = (personality = 'aurora') => `${sandbox.url()}/${personality}/v1/chat/completions`;
  const chat = (body: unknown, headers = {}, personality = 'aurora') =>
    post<ChatBody & ApiErrorBody>(chatUrl(personality), body, headers);
  const textOf = async (body: unknown, personality = 'aurora') => {
    const reply = await chat(body, {}, personality);
    expect(reply.status).to.equal(200);
    return reply.body.choices[0]!.message.content;
  };

  it('answers in the shape of OpenAI', async () => {
    const { status, headers, body } = await chat(prompt('Describe a lighthouse.'));
    const content = body.choices[0]!.message.content;
    expect(status).to.equal(200);
    expect(headers['content-type']).to.equal('application/json');
    expect(body.id).to.match(/^chatcmpl-[0-9a-f]{29}$/);
    expect(body.created).to.be.closeTo(Date.now() / 1000, 5);
    expect(body).to.deep.equal({
      id: body.id,
      object: 'chat.completion',
      created: body.created,
      model: 'text-1',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content, refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 6,
        completion_tokens: Math.ceil(content.length / 4),
        total_tokens: 6 + Math.ceil(content.length / 4),
      },
      system_fingerprint: 'fp_aurora',
    });
  });

  it('writes about the prompt, the same text for the same prompt and model', async () => {
    const lighthouse = await textOf(prompt('Write about a lighthouse in the fog.'));
    expect(lighthouse).to.contain('a lighthouse').and.to.contain('the fog');
    expect(await textOf(prompt('Write about a lighthouse in the fog.'))).to.equal(lighthouse);
    expect(await textOf(prompt('Write about a baker in the fog.'))).to.contain('a baker');
    const others = [
      await textOf(prompt('Write about a lighthouse in the fog!')),
      await textOf(prompt('Write about a lighthouse in the fog.', { model: 'text-2' })),
      await textOf(prompt('Write about a lighthouse in the fog.', { seed: 7 })),
      await textOf(prompt('Write about a lighthouse in the fog.'), 'borealis'),
    ];
    expect(new Set([lighthouse, ...others]).size).to.equal(5);
  });

  it('answers any prompt: parts, conversations, no words, other scripts, long', async () => {
    const parts = [
      { type: 'text', text: 'About tea' },
      { type: 'image_url', image_url: {} },
    ];
    const system = { role: 'system', content: 'Be kind.' };
    expect(
      await textOf({ model: 'm', messages: [system, { role: 'user', content: parts }] }),
    ).to.match(/\btea\b/i);
    for (const text of ['', '?!', '写一首诗', '🦊'.repeat(2000), 'word '.repeat(100_000)]) {
      expect((await textOf(prompt(text))).length).to.be.within(100, 3000);
    }
  });

  it('stops at max_tokens with finish_reason length, at four characters a token', async () => {
    const whole = await textOf(prompt('On boats'));
    for (const field of ['max_tokens', 'max_completion_tokens']) {
      const { body } = await chat(prompt('On boats', { [field]: 10 }));
      expect(body.choices[0]).to.deep.include({ finish_reason: 'length' });
      expect(body.choices[0]!.message.content).to.equal(whole.slice(0, 40));
      expect(body.usage).to.deep.equal({
        prompt_tokens: 2,
        completion_tokens: 10,
        total_tokens: 12,
      });
    }
    const stopped = await textOf(prompt('On boats', { stop: '.' }));
    expect(stopped).to.equal(whole.slice(0, whole.indexOf('.')));
  });

  it('refuses what is wrong in the error envelope, unpaid', async () => {
    const cases: [unknown, string | null][] = [
      ['{"model":', null],
      ['[]', null],
      [{ messages: [] }, 'model'],
      [{ model: 'm', messages: [] }, 'messages'],
      [{ model: 'm', messages: [{ role: 'pirate', content: 'x' }] }, 'messages.[0]'],
      [{ model: 'm', messages: [{ role: 'user', content: 5 }] }, 'messages.[0].content'],
      [{ model: 'm', messages: [null] }, 'messages.[0]'],
      [prompt('x', { max_tokens: 0 }), 'max_tokens'],
      [prompt('x', { n: 2 }), 'n'],
      [prompt('x', { stream: true }), 'stream'],
      [prompt('x', { temperature: 9 }), 'temperature'],
    ];
    for (const [body, param] of cases) {
      const { status, body: answer } = await chat(body);
      expect(status, JSON.stringify(body)).to.equal(400);
      expect(Object.keys(answer.error)).to.deep.equal(['message', 'type', 'param', 'code']);
      expect(answer.error).to.deep.include({ type: 'invalid_request_error', param });
    }
    const record = await calls(sandbox.url());
    expect(record.map(({ status, paid }) => [status, paid])).to.deep.equal(
      cases.map(() => [400, false]),
    );
  });

  it('answers 401, 404, 405, 413 and moderation as a provider would', async () => {
    await behave(sandbox.url(), { aurora: { absentModels: ['retired-1'] } });
    const base = sandbox.url();
    const outcomes = [
      await chat(prompt('x'), { authorization: '' }),
      await chat(prompt('x'), { authorization: 'Basic abc' }),
      await chat(prompt('x'), { authorization: 'Bearer ' }),
      await chat(prompt('x', { model: 'retired-1' })),
      await post<ApiErrorBody>(`${base}/aurora/v1/nothing`, {}),
      await post<ApiErrorBody>(`${base}/nobody/v1/chat/completions`, {}),
      await chat(prompt('x'.repeat(3 * 1024 * 1024))),
      await chat(prompt('please [[moderation]] this')),
    ].map(({ status, body }) => [status, body.error.code]);
    expect(outcomes).to.deep.equal([
      [401, 'invalid_api_key'],
      [401, 'invalid_api_key'],
      [401, 'invalid_api_key'],
      [404, 'model_not_found'],
      [404, 'unknown_url'],
      [404, null],
      [413, 'request_too_large'],
      [400, 'content_policy_violation'],
    ]);
    const get = await request(chatUrl());
    expect(get.statusCode).to.equal(405);
    await get.body.dump();
  });

  it('records every call with what it sent and what became of it', async () => {
    const body = JSON.stringify(prompt('On boats'));
    await chat(body, { 'idempotency-key': 'key-1', 'x-dispatch-key': 'dispatch-1' });
    await chat(body, { 'idempotency-key': 'key-é' }, 'borealis');
    const [first, second] = await calls(sandbox.url());
    expect(first).to.deep.equal({
      n: 1,
      call: 1,
      finished: true,
      time: first!.time,
      personality: 'aurora',
      path: '/aurora/v1/chat/completions',
      idempotencyKey: 'key-1',
      dispatchKey: 'dispatch-1',
      bodySha256: createHash('sha256').update(body).digest('hex'),
      status: 200,
      paid: true,
      replayed: false,
      misbehaviour: null,
    });
    expect(Date.parse(first!.time)).to.be.closeTo(Date.now(), 5000);
    expect(second).to.deep.include({ n: 2, idempotencyKey: 'key-é', dispatchKey: 'key-é' });
  });

  it('lists the record after a cursor, by personality, by key and in pages', async () => {
    for (const key of ['a', 'b', 'c']) await chat(prompt(key), { 'idempotency-key': key });
    await chat(prompt('d'), { 'idempotency-key': 'a' }, 'borealis');
    const url = sandbox.url();
    const keysOf = async (search: string) =>
      (await calls(url, search)).map(({ n, idempotencyKey }) => `${n}${idempotencyKey}`);
    expect(await keysOf('?after=2')).to.deep.equal(['3c', '4a']);
    expect(await keysOf('?personality=borealis')).to.deep.equal(['4a']);
    expect(await keysOf('?key=a')).to.deep.equal(['1a', '4a']);
    expect(await keysOf('?after=4')).to.deep.equal([]);
    const page = await request(`${url}/_sandbox/calls?limit=3`);
    const { data, next_cursor } = (await page.body.json()) as {
      data: unknown[];
      next_cursor: string;
    };
    expect([data.length, next_cursor]).to.deep.equal([3, '3']);
    const bad = await request(`${url}/_sandbox/calls?after=x`);
    expect([bad.statusCode, await bad.body.json()]).to.deep.equal([
      400,
      { error: { message: 'after and limit must be whole numbers.' } },
    ]);
  });
});
