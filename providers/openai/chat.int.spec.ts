import { expect } from 'chai';
import type { ProviderOutcome } from '../port.js';
import { adapterStage } from '../testing/adapter-stage.js';
import { providerAdapterContract } from '../testing/contract.js';
import type { Answer } from '../testing/stage.js';

const answer = {
  id: 'chatcmpl-1',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'Because.' }, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
};

const outcome: ProviderOutcome = {
  kind: 'succeeded',
  output: { modality: 'text', text: 'Because.', finishReason: 'stop' },
  usage: { inputTokens: 9, outputTokens: 2 },
};

providerAdapterContract('openai-chat', {
  adapter: 'openai-chat',
  path: '/chat/completions',
  call: { modality: 'text', input: { prompt: 'canary-prompt-1b2f Why?', max_tokens: 64 } },
  answer,
  outcome,
});

describe('provider adapter: openai-chat, its own', () => {
  const scene = adapterStage('openai-chat', { providerModel: 'm', modality: 'text' });
  const call = scene.call;

  it('asks for a whole answer, and folds the stream that comes all the same', async () => {
    const events = [
      { choices: [{ index: 0, delta: { content: 'Be' }, finish_reason: null }] },
      { choices: [{ index: 0, delta: { content: 'cause.' }, finish_reason: 'stop' }] },
      { choices: [], usage: answer.usage },
    ].map((event) => `data: ${JSON.stringify(event)}\n\n`);
    const stream =
      (body: string, contentType: string): Answer =>
      (response) =>
        void response.writeHead(200, { 'content-type': contentType }).end(body);
    const whole = `: ping\n\n${events.join('')}data: [DONE]\n\n`;
    for (const contentType of ['text/event-stream; charset=utf-8', 'application/json']) {
      scene.stage.play(stream(whole, contentType));
      expect(await call({ prompt: 'Why?', max_tokens: 64 })).to.deep.equal(outcome);
    }
    expect(scene.stage.seen[0]?.body).to.deep.equal({
      model: 'm',
      messages: [{ role: 'user', content: 'Why?' }],
      stream: false,
      max_tokens: 64,
    });
    scene.stage.play(stream(events[0]!, 'text/event-stream'));
    expect(await call({ prompt: 'Why?' })).to.include({ kind: 'unknown' });
    const failed = `${events[0]}data: {"error":{"code":429,"message":"x"}}\n\n`;
    scene.stage.play(stream(failed, 'text/event-stream'));
    expect(await call({ prompt: 'Why?' })).to.include({ kind: 'failed', code: 'MODEL_OVERLOADED' });
    const flat = { object: 'error', message: 'x', type: 'InternalServerError', code: 500 };
    const midway = `${events[0]}data: ${JSON.stringify(flat)}\n\ndata: [DONE]\n\n`;
    scene.stage.play(stream(midway, 'text/event-stream'));
    expect(await call({ prompt: 'Why?' })).to.include({
      kind: 'failed',
      code: 'GENERATION_FAILED',
    });
  });

  it('sends nothing where the input has no place in the format', async () => {
    const content = [{ type: 'image', file_id: 'file_0b5c3a52-6f0e-4e0a-9a53-0d4a5d1f2b7c' }];
    expect(await call({ messages: [{ role: 'user', content }] })).to.include({
      kind: 'failed',
      code: 'FILE_NOT_FOUND',
    });
    expect(scene.stage.seen).to.be.empty;
  });
});
