import { expect } from 'chai';
import type { ResponseFormat } from '../text/request.js';
import { readGeminiFailure } from './failures.js';
import { generatedText } from './text-answer.js';
import { foldContent } from './text-stream.js';

const call = { input: { prompt: 'Why?', max_tokens: 64 }, dispatchKey: 'k' };
const read = (answer: Record<string, unknown>, format: ResponseFormat = { type: 'text' }) =>
  generatedText(call, format, answer);
const usageMetadata = { promptTokenCount: 9, candidatesTokenCount: 2, totalTokenCount: 11 };
const candidate = (parts: object[] | undefined, finishReason: unknown = 'STOP', more = {}) => ({
  candidates: [{ ...(parts && { content: { role: 'model', parts } }), finishReason, ...more }],
  usageMetadata,
});
const said = (text: string, finishReason: string, more = {}) => ({
  kind: 'succeeded',
  output: { modality: 'text', text, finishReason, ...more },
  usage: { inputTokens: 9, outputTokens: 2 },
});
const withheld = (detail: string, ...codes: string[]) => ({
  kind: 'failed',
  code: 'CONTENT_MODERATION_REJECTED',
  retryable: false,
  countsAsFailure: false,
  detail,
  details: codes.map((code) => ({ code, message: 'The content is not allowed by the model.' })),
});

describe('gemini-text: how an answer is read', () => {
  it('says why it ended in words of ours', () => {
    for (const [word, told] of [
      ['STOP', 'stop'],
      ['MAX_TOKENS', 'length'],
      ['SAFETY', 'content_filter'],
      ['RECITATION', 'content_filter'],
      ['SPII', 'content_filter'],
      ['LANGUAGE', 'other'],
      ['OTHER', 'other'],
      ['FINISH_REASON_UNSPECIFIED', 'other'],
    ])
      expect(read(candidate([{ text: 'x' }], word))).to.deep.equal(said('x', told!));
    expect(read(candidate(undefined, 'MAX_TOKENS'))).to.deep.equal(said('', 'length'));
    expect(read(candidate([], 'STOP'))).to.deep.equal(said('', 'other'));
  });

  it('reads text parts, and nothing of thoughts or of other kinds', () => {
    const parts = [
      { text: 'hm', thought: true },
      { text: 'Be' },
      { executableCode: { code: 'x' } },
      { text: 'cause', thoughtSignature: 's' },
    ];
    expect(read(candidate(parts))).to.deep.equal(said('Because', 'stop'));
  });

  it('reads calls of functions', () => {
    const parts = [{ functionCall: { id: 'theirs', name: 'weather', args: { city: 'Oslo' } } }];
    const outcome = read(candidate(parts));
    expect(outcome).to.have.nested.property('output.finishReason', 'tool_calls');
    expect(outcome).to.have.nested.property('output.toolCalls[0].arguments.city', 'Oslo');
    expect(JSON.stringify(outcome)).not.to.include('theirs');
  });

  it('reads a structured answer', () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const format: ResponseFormat = { type: 'json_schema', name: 'answer', schema };
    const json = { city: 'Oslo' };
    const text = JSON.stringify(json);
    expect(read(candidate([{ text }]), format)).to.deep.equal(said(text, 'stop', { json }));
    expect(read(candidate([{ text: '[]' }]), format)).to.include({ code: 'GENERATION_FAILED' });
  });

  it('tells what a blocked prompt was blocked for', () => {
    const rating = (category: string, more: object) => ({
      category: `HARM_CATEGORY_${category}`,
      ...more,
    });
    const safetyRatings = [
      rating('SEXUALLY_EXPLICIT', { probability: 'NEGLIGIBLE' }),
      rating('HATE_SPEECH', { probability: 'HIGH', blocked: true }),
    ];
    const blocked = (blockReason: string, ratings: object[] = []) =>
      read({ promptFeedback: { blockReason, safetyRatings: ratings }, usageMetadata });
    expect(blocked('SAFETY', safetyRatings)).to.deep.equal(
      withheld('promptFeedback SAFETY', 'hate'),
    );
    const likely = [rating('DANGEROUS_CONTENT', { probability: 'MEDIUM' })];
    expect(blocked('SAFETY', likely)).to.deep.equal(withheld('promptFeedback SAFETY', 'illicit'));
    expect(blocked('OTHER')).to.deep.equal(withheld('promptFeedback OTHER', 'other'));
    const cut = candidate(undefined, 'SAFETY', { safetyRatings });
    expect(read(cut)).to.deep.equal(withheld('finishReason SAFETY', 'hate'));
    expect(read(candidate(undefined, 'SPII'))).to.deep.equal(
      withheld('finishReason SPII', 'privacy'),
    );
  });

  it('is a failed attempt where the model wrote no call of a tool, or nothing can be read', () => {
    expect(read(candidate([{ text: 'print(' }], 'MALFORMED_FUNCTION_CALL'))).to.deep.equal({
      kind: 'failed',
      code: 'GENERATION_FAILED',
      retryable: true,
      countsAsFailure: false,
      detail: 'finishReason MALFORMED_FUNCTION_CALL',
    });
    expect(read(candidate([{ text: 'Half' }], 'INTERNAL_ERROR'))).to.include({
      code: 'GENERATION_FAILED',
      countsAsFailure: true,
      detail: 'finishReason internal_error',
    });
    for (const [answer, detail] of [
      [{ usageMetadata }, 'HTTP 200, without a candidate'],
      [{ candidates: [{}] }, 'HTTP 200, a candidate without content'],
    ] as const)
      expect(read(answer)).to.include({ code: 'GENERATION_FAILED', elsewhere: true, detail });
  });

  it('counts thoughts beside the answer, what was cached, and what tools added', () => {
    const used = (usage: object) => {
      const outcome = read({ ...candidate([{ text: 'x' }]), usageMetadata: usage });
      return outcome.kind === 'succeeded' ? outcome.usage : outcome;
    };
    expect(
      used({
        promptTokenCount: 9,
        cachedContentTokenCount: 4,
        candidatesTokenCount: 8,
        thoughtsTokenCount: 12,
        toolUsePromptTokenCount: 2,
        totalTokenCount: 31,
      }),
    ).to.deep.equal({
      inputTokens: 11,
      cachedInputTokens: 4,
      outputTokens: 20,
      reasoningTokens: 12,
    });
    expect(
      used({ promptTokenCount: 9, thoughtsTokenCount: 12, totalTokenCount: 21 }),
    ).to.deep.equal({ inputTokens: 9, outputTokens: 12, reasoningTokens: 12 });
  });
});

describe('gemini-text: a stream that nobody asked for', () => {
  const piece = (text: string, more = {}) => ({
    candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0, ...more }],
    usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 },
  });

  it('is folded to the answer that it would have been', () => {
    const last = { ...piece('cause', { finishReason: 'STOP' }), usageMetadata };
    const folded = foldContent([piece('Be'), last]);
    if (folded === 'cut') throw new Error(folded);
    expect(read(folded)).to.deep.equal(said('Because', 'stop'));
    expect(foldContent([piece('Be')])).to.equal('cut');
  });

  it('may end with a prompt that was blocked', () => {
    const blocked = { promptFeedback: { blockReason: 'SAFETY' } };
    expect(foldContent([blocked])).to.deep.equal(blocked);
  });
});

describe("gemini: Google's errors", () => {
  const failure = (status: number, word: string, details: object[] = []) =>
    readGeminiFailure({
      status,
      body: { error: { code: status, message: 'No.', status: word, details } },
      retryAfterMs: undefined,
    });

  it('are read by status and reason', () => {
    const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' };
    for (const [status, word, details, code, countsAsFailure] of [
      [400, 'INVALID_ARGUMENT', [info], 'MODEL_UNAVAILABLE', true],
      [400, 'INVALID_ARGUMENT', [], 'MODEL_UNAVAILABLE', false],
      [400, 'FAILED_PRECONDITION', [], 'MODEL_UNAVAILABLE', true],
      [403, 'PERMISSION_DENIED', [], 'MODEL_UNAVAILABLE', true],
      [404, 'NOT_FOUND', [], 'MODEL_UNAVAILABLE', false],
      [429, 'RESOURCE_EXHAUSTED', [], 'MODEL_OVERLOADED', false],
      [500, 'INTERNAL', [], 'GENERATION_FAILED', true],
      [503, 'UNAVAILABLE', [], 'MODEL_OVERLOADED', true],
    ] as const)
      expect(failure(status, word, [...details]), word).to.include({
        kind: 'failed',
        code,
        retryable: true,
        countsAsFailure,
      });
    expect(failure(504, 'DEADLINE_EXCEEDED')).to.include({ kind: 'unknown' });
  });
});
