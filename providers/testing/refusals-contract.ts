/** What every wire adapter makes of an answer that is an error. */
import { expect } from 'chai';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import {
  CREDENTIAL,
  expectFailed,
  expectUnknown,
  PROMPT,
  sick,
  well,
  type Play,
} from './expectations.js';
import { json, type Answer } from './stage.js';

/** Status, the error's own code: canonical code, retryable, counts as a failure. */
const statusTable: readonly (readonly [number, string | null, CanonicalCode, boolean, boolean])[] =
  [
    [400, null, 'MODEL_UNAVAILABLE', true, false],
    [400, 'content_policy_violation', 'CONTENT_MODERATION_REJECTED', false, false],
    [400, 'invalid_image_format', 'FILE_FORMAT_UNSUPPORTED', false, false],
    [401, 'invalid_api_key', 'MODEL_UNAVAILABLE', true, true],
    [402, null, 'MODEL_UNAVAILABLE', true, true],
    [403, null, 'MODEL_UNAVAILABLE', true, true],
    [404, 'model_not_found', 'MODEL_UNAVAILABLE', true, false],
    [406, null, 'MODEL_UNAVAILABLE', true, false],
    [409, null, 'GENERATION_FAILED', true, false],
    [409, 'idempotency_key_reused', 'GENERATION_FAILED', false, false],
    [411, null, 'MODEL_UNAVAILABLE', true, false],
    [413, null, 'INPUT_VALIDATION_ERROR', false, false],
    [415, null, 'MODEL_UNAVAILABLE', true, false],
    [421, null, 'MODEL_UNAVAILABLE', true, false],
    [422, null, 'MODEL_UNAVAILABLE', true, false],
    [426, null, 'MODEL_UNAVAILABLE', true, false],
    [429, 'rate_limit_exceeded', 'MODEL_OVERLOADED', true, false],
    [429, 'engine_overloaded', 'MODEL_OVERLOADED', true, false],
    [429, 'insufficient_quota', 'MODEL_UNAVAILABLE', true, true],
    [500, null, 'GENERATION_FAILED', true, true],
    [500, 'content_policy_violation', 'CONTENT_MODERATION_REJECTED', false, false],
    [500, 'context_length_exceeded', 'INPUT_VALIDATION_ERROR', false, false],
    [502, null, 'MODEL_UNAVAILABLE', true, true],
    [503, null, 'MODEL_UNAVAILABLE', true, true],
    [503, 'engine_overloaded', 'MODEL_OVERLOADED', true, true],
    [521, null, 'MODEL_UNAVAILABLE', true, true],
    [529, null, 'MODEL_OVERLOADED', true, true],
  ];

/** A gateway says that it stopped waiting: the work may be done behind it. */
const gatewayStatuses = [408, 460, 499, 504, 520, 522, 524, 527, 561, 598, 599];

export function refusals(play: Play): void {
  const error = (code: string | null, type = 'invalid_request_error') => ({
    error: { message: `No: ${PROMPT} ${CREDENTIAL}`, type, param: null, code },
  });
  for (const [status, word, code, retryable, countsAsFailure] of statusTable)
    it(`answered ${status}${word ? ` ${word}` : ''}: ${code}`, async () => {
      const outcome = await play(json(error(word), status));
      expectFailed(outcome, code, { retryable, countsAsFailure });
    });

  it('does not know what came of a call after which a gateway stopped waiting', async () => {
    for (const status of gatewayStatuses)
      expectUnknown(await play(json('<h1>Gateway</h1>', status)));
  });

  it('keeps the longest advice that can be read, as seconds, ms or a date', async () => {
    const asked = async (
      headers: Record<string, string | string[]>,
      body: object = error(null),
    ) => {
      const outcome = await play(json(body, 429, headers));
      return outcome.kind === 'failed' ? outcome.retryAfterMs : 'not failed';
    };
    expect(await asked({ 'retry-after': '7' })).to.equal(7_000);
    expect(await asked({ 'retry-after': ' 0.2 ' })).to.equal(200);
    expect(await asked({ 'retry-after-ms': '350', 'retry-after': '7' })).to.equal(350);
    expect(await asked({ 'retry-after': ['7', '9'] })).to.equal(9_000);
    expect(await asked({ 'retry-after': '9, 7' })).to.equal(9_000);
    const date = new Date(Date.now() + 30_000).toUTCString();
    expect(await asked({ 'retry-after': date })).to.be.within(28_000, 30_000);
    expect(await asked({ 'retry-after': ['2', date] })).to.be.within(28_000, 30_000);
    expect(await asked({ 'retry-after': '99999999999' })).to.equal(604_800_000);
    expect(await asked({ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' })).to.equal(0);
    for (const nonsense of ['soon', 'soon 1', '-5', '1e3', ''])
      expect(await asked({ 'retry-after': nonsense }), nonsense).to.equal(undefined);
    expect(await asked({})).to.equal(undefined);
    const inBody = { error: { details: [{ retryDelay: '34.5s' }] } };
    expect(await asked({}, inBody)).to.equal(34_500);
  });

  it('takes a refusal whose body is not JSON, not whole or not small by its status', async () => {
    expectFailed(await play(json('<h1>Bad gateway</h1>', 502)), 'MODEL_UNAVAILABLE', sick);
    const cut: Answer = (response) => {
      response.writeHead(500, { 'content-length': '100' }).write('{"error":');
      setTimeout(() => response.socket?.destroy(), 20);
    };
    expectFailed(await play(cut), 'GENERATION_FAILED', sick);
    expectFailed(await play(json('x'.repeat(1_000_000), 413)), 'INPUT_VALIDATION_ERROR', well);
  });

  it('takes an error inside a 200 for the error that it is', async () => {
    const limited = await play(
      json({ error: { code: 429, message: PROMPT } }, 200, { 'retry-after': '9' }),
    );
    expectFailed(limited, 'MODEL_OVERLOADED', { retryable: true, countsAsFailure: false });
    expect(limited).to.include({ retryAfterMs: 9_000 });
    expectFailed(await play(json(error(null, 'server_error'))), 'GENERATION_FAILED', sick);
    expectUnknown(await play(json({ error: { code: 504, message: PROMPT } })));
  });

  it('does not follow a redirect', async () => {
    const elsewhere = json({}, 307, { location: '/elsewhere' });
    expectFailed(await play(elsewhere), 'MODEL_UNAVAILABLE', sick);
  });
}
