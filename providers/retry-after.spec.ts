/** Pauses as real providers ask for them: in headers, in sentences, and by counters of limits. */
import { expect } from 'chai';
import { retryAfterMsOf } from './retry-after.js';

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

const asked = (headers: Record<string, string>, body: unknown = '', status: number = 429) =>
  retryAfterMsOf({ headers, body, status }, NOW_MS);

describe('the pause that a provider asks for', () => {
  it('is read from a sentence', () => {
    const sentences: Record<string, number> = {
      'Limit 3, Used 3, Requested 1. Please try again in 20s. Visit https://x.example': 20_000,
      'Rate limit reached for m. Please try again in 6m0s.': 360_000,
      'Please try again in 7m12.5s. Need more tokens?': 432_500,
      'Please try again in 120ms.': 120,
      'Quota exceeded for metric: x, limit: 10\nPlease retry in 34.074824224s.': 34_075,
      'Request was throttled. Expected available in 5 seconds.': 5_000,
      'Your rate limit resets in ~2s.': 2_000,
      'Please retry after 26 seconds. Upgrade': 26_000,
      'Please wait 2 minutes before trying again': 120_000,
      'No deployments available for selected model, Try again in 60 seconds.': 60_000,
    };
    for (const [sentence, ms] of Object.entries(sentences)) {
      expect(asked({}, { error: { message: sentence } }), sentence).to.equal(ms);
      expect(asked({}, { detail: sentence }), sentence).to.equal(ms);
    }
    for (const none of ['Limited to 20 calls / minute', 'Try again later', 'Retry 3 models'])
      expect(asked({}, { error: { message: none } }), none).to.equal(undefined);
  });

  it('is the longest of header and body', () => {
    const body = { detail: 'Expected available in 5 seconds.', status: 429, retry_after: 9 };
    expect(asked({ 'retry-after': '2' }, body)).to.equal(9_000);
    expect(asked({ 'retry-after': '2m' })).to.equal(120_000);
  });

  it('is what is left of a limit that is used up, where nothing else is said', () => {
    const of = (remaining: string, reset: string) => ({
      'x-ratelimit-remaining-requests': remaining,
      'x-ratelimit-reset-requests': reset,
      'x-ratelimit-remaining-tokens': '900',
      'x-ratelimit-reset-tokens': '1h',
    });
    expect(asked(of('0', '6m0s'))).to.equal(360_000);
    expect(asked(of('0', '120ms'))).to.equal(120);
    expect(asked(of('3', '6m0s')), 'none is used up').to.equal(undefined);
    expect(asked({ ...of('0', '6m0s'), 'retry-after': '1' }), 'it is said').to.equal(1_000);
    expect(asked(of('0', '6m0s'), '', 400), 'of another refusal').to.equal(undefined);
  });

  it('is the moment at which a limit begins anew, as RFC 3339 or a number has it', () => {
    const anthropic = {
      'anthropic-ratelimit-input-tokens-remaining': '0',
      'anthropic-ratelimit-input-tokens-reset': '2026-03-01T12:00:42Z',
      'anthropic-ratelimit-requests-remaining': '7',
      'anthropic-ratelimit-requests-reset': '2026-03-01T13:00:00Z',
    };
    expect(asked(anthropic)).to.equal(42_000);
    const reset = (value: string) => asked({ 'x-ratelimit-reset': value });
    expect(reset('30')).to.equal(30_000);
    expect(reset(String(NOW_MS / 1_000 + 30))).to.equal(30_000);
    expect(reset(String(NOW_MS + 30_500))).to.equal(30_500);
    expect(reset(String(NOW_MS - 1)), 'it is over').to.equal(0);
    expect(reset('soon')).to.equal(undefined);
    expect(asked({ 'ratelimit-remaining': '0', 'ratelimit-reset': '4' })).to.equal(4_000);
  });

  it('is read from the headers of the server behind LiteLLM', () => {
    expect(asked({ 'llm_provider-retry-after': '7' })).to.equal(7_000);
    expect(asked({ 'llm_provider-retry-after': '7', 'retry-after': '9' })).to.equal(9_000);
    const limit = {
      'llm_provider-x-ratelimit-remaining-tokens': '0',
      'llm_provider-x-ratelimit-reset-tokens': '6m0s',
    };
    expect(asked(limit)).to.equal(360_000);
  });

  it('is read from the headers that a gateway passes on inside of its body', () => {
    const headers = { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(NOW_MS + 9_000) };
    const body = { error: { code: 429, message: 'x', metadata: { headers } } };
    expect(asked({}, body)).to.equal(9_000);
    const advised = { error: { metadata: { headers: { 'Retry-After': 4 } } } };
    expect(asked({}, advised)).to.equal(4_000);
    expect(retryAfterMsOf({ headers: {}, body }, NOW_MS), 'inside of a 2xx').to.equal(9_000);
  });
});
