/** Refusals as real providers and gateways word them, and whose fault each of them is. */
import { expect } from 'chai';
import { hasErrorInside } from './error-inside.js';
import { readFailureBy } from './failures.js';
import { meanings, type Known } from './meanings.js';

const read = readFailureBy({});
const input = { prompt: 'canary', temperature: 9, max_tokens: 16 };

const meaningOf = (status: number | undefined, body: unknown, given: object = input) => {
  const outcome = read({ status, body, retryAfterMs: undefined, input: { ...given } });
  expect(outcome.detail).not.to.match(/canary/);
  if (outcome.kind === 'unknown') return 'unknown';
  const { kind: _, detail: _detail, ...meaning } = outcome;
  return meaning;
};

type Row = readonly [what: string, status: number | undefined, body: unknown];

const rejected = (...categories: string[]): Known => ({
  ...meanings.rejected,
  details: categories.map((code) => ({
    code,
    message: 'The content is not allowed by the model.',
  })),
});

const table = (title: string, means: Known | 'unknown', rows: readonly Row[]): void => {
  for (const [what, status, body] of rows)
    it(`${title}: ${what}`, () => expect(meaningOf(status, body)).to.deep.equal(means));
};

const said = (message: string, more: object = {}) => ({ error: { message, ...more } });

describe('whose fault a refusal is', () => {
  table('our account', meanings.account, [
    ['a bad key as Google says it', 400, said('API key not valid. Please pass a valid API key.')],
    [
      'the same in a list',
      400,
      [{ error: { code: 400, details: [{ reason: 'API_KEY_INVALID' }], status: 'X' } }],
    ],
    ['a bad key as text', 400, { code: 'Client argument', error: 'Incorrect API key provided: x' }],
    ['a bad key as a bare string', 400, 'Incorrect API key provided'],
    ['no credit', 400, said('Your credit balance is too low to access the API')],
    ['no balance', 402, said('Insufficient Balance', { code: 'invalid_request_error' })],
    ['a locked account', 403, { detail: 'User is locked. Reason: Exhausted balance.' }],
    ['a quota that is used up', 429, said('x', { code: 'insufficient_quota' })],
    ['no credit under 200', undefined, { base_resp: { status_code: 1008, status_msg: 'x' } }],
    [
      'prepaid credits that are gone, by the word for a limit',
      429,
      said('Your prepayment credits are depleted.', { status: 'RESOURCE_EXHAUSTED', code: 429 }),
    ],
    [
      'a team without credits',
      429,
      {
        code: 'Some resource has been exhausted',
        error:
          'Your team 7ae0 has either used all available credits or reached its monthly spending ' +
          'limit. To continue, please purchase more credits or raise your spending limit.',
      },
    ],
    [
      'a limit of use that we set',
      400,
      said('You have reached your specified API usage limits.', { type: 'invalid_request_error' }),
    ],
    [
      'a suspended account under 412',
      412,
      said('Account me-7f is suspended, possibly due to reaching the monthly spending limit'),
    ],
    ['a gateway’s budget', 429, said('Budget has been exceeded! Current cost: 5, Max budget: 5')],
    ['a word for it', 429, said('x', { type: 'exceeded_current_quota_error' })],
    ['a number for it', 429, said('x', { code: '1113' })],
    ['JSON inside of a message', 400, said('{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}')],
  ]);

  table('what we ask of the route', meanings.refused, [
    ['a bare 400', 400, said('Bad request')],
    ['a bare 422', 422, { detail: 'Unprocessable' }],
    ['no such model', 404, said('The model `m` does not exist')],
    ['no such model as text', 404, { error: "model 'm' not found, try pulling it first" }],
    ['no such deployment', 404, said('x', { code: 'DeploymentNotFound' })],
    ['a model under 422', 422, said('model m is not supported')],
    ['the model as parameter', 400, said('Invalid value', { param: 'model' })],
    ['a parameter that we added', 400, said('Bad', { param: 'response_format' })],
    ['a parameter nobody knows', 400, said('Unrecognized request argument supplied: seed')],
    [
      'a field nobody knows as Google says it',
      400,
      said('Invalid JSON payload received. Unknown name "max_tokens" at \'generation_config\'', {
        status: 'INVALID_ARGUMENT',
      }),
    ],
    [
      'a parameter that a gateway does not pass on',
      400,
      said("litellm.UnsupportedParamsError: openai does not support parameters: ['temperature']"),
    ],
    ['a value others take', 400, said("'temperature' does not support 9 with this model.")],
    ['a file of ours that it could not fetch', 400, said('Timeout while downloading https://x/y')],
    ['the same by its word', 400, said('x', { code: 'invalid_image_url', param: 'prompt' })],
    ['the same in a sentence', 400, said('Unable to download the file. Please verify the URL')],
    ['a field that we left out', 422, { detail: [{ loc: ['body', 'messages'], type: 'missing' }] }],
    ...[404, 405, 406, 411, 415, 421, 426].map((status): Row => [`a ${status}`, status, '']),
  ]);

  const field = (name: string): Known => ({
    ...meanings.invalid,
    details: [{ field: name, code: 'invalid', message: 'The model does not take this value.' }],
  });
  table('a field of the caller', field('temperature'), [
    ['named', 400, said('Bad', { param: 'temperature' })],
    ['by its path', 422, { detail: [{ loc: ['body', 'temperature'], msg: 'ensure it is less' }] }],
    ['before a colon', 400, said('temperature: range: 0..1', { type: 'invalid_request_error' })],
    ['in a sentence', 400, said('temperature must be at most 2')],
    [
      'as Google names it',
      400,
      { error: { details: [{ fieldViolations: [{ field: 'generation_config.temperature' }] }] } },
    ],
  ]);
  it('a field of the caller: under the name that the caller gave it', () => {
    const body = said('Bad', { param: 'max_output_tokens' });
    expect(meaningOf(400, body)).to.deep.equal(field('max_tokens'));
    const messages = said('Bad', { param: 'messages[0].content' });
    expect(meaningOf(400, messages)).to.deep.equal(field('prompt'));
  });

  table('too long', meanings.tooLong, [
    ['a code under 500', 500, said('x', { code: 'context_length_exceeded' })],
    ['a sentence', 400, said("This model's maximum context length is 8192 tokens")],
    ['one server’s word', 400, said('x', { code: 400, type: 'exceed_context_size_error' })],
    [
      'one request beyond a limit on many',
      429,
      said('Request too large for m on tokens per min (TPM): Limit 6000, Requested 7000', {
        type: 'tokens',
        code: 'rate_limit_exceeded',
      }),
    ],
    ['the same by its numbers', 429, said('TPM exceeded. Limit: 6,000 / min. Requested: 7,000.')],
    ['a sentence that a gateway passes on', 502, said('maximum context length is 8192 tokens')],
    [
      'two lengths that add up',
      422,
      { error: 'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096' },
    ],
    ['the length of a model', 400, said('The prompt (5000) is longer than the model can take')],
    ['a class of a gateway’s', 400, said('litellm.ContextWindowExceededError: x')],
    ['a 413', 413, ''],
  ]);

  it('what moderation found', () => {
    const azure = {
      error: {
        code: 'content_filter',
        status: 400,
        innererror: {
          code: 'ResponsibleAIPolicyViolation',
          content_filter_result: {
            hate: { filtered: true, severity: 'high' },
            self_harm: { filtered: false, severity: 'safe' },
            violence: { filtered: true, severity: 'medium' },
          },
        },
      },
    };
    expect(meaningOf(400, azure)).to.deep.equal(rejected('hate', 'violence'));
    const flagged = { code: 403, metadata: { reasons: ['sexual'], flagged_input: 'canary' } };
    expect(meaningOf(403, { error: flagged })).to.deep.equal(rejected('sexual'));
    const inner = { error: { code: '400', innererror: { code: 'ResponsibleAIPolicyViolation' } } };
    expect(meaningOf(400, inner)).to.deep.equal(rejected('other'));
    const policy = { detail: [{ loc: ['body', 'prompt'], type: 'content_policy_violation' }] };
    expect(meaningOf(422, policy)).to.deep.equal(rejected('other'));
    const words = said('Your input was flagged. safety_violations=[self-harm].');
    expect(meaningOf(400, words)).to.deep.equal(rejected('self_harm'));
    for (const word of ['hooks_failed', 'OutputImageSensitiveContentDetected', '1301'])
      expect(meaningOf(400, said('x', { code: word })), word).to.deep.equal(rejected('other'));
    const inside = { base_resp: { status_code: 1026, status_msg: 'input sensitive' } };
    expect(meaningOf(undefined, inside)).to.deep.equal(rejected('other'));
  });

  table('throttled', meanings.throttled, [
    ['a bare 429', 429, ''],
    ['a request within its limit', 429, said('Limit 6000, Used 5900, Requested 700')],
    ['a limit of nothing', 429, said('Limit 0, Requested 700')],
    ['a word of it under 200', undefined, { code: 'rate_limit_exceeded', message: 'x' }],
    [
      'Google’s word, whatever it says of plans',
      429,
      said('You exceeded your current quota, please check your plan and billing details.', {
        code: 429,
        status: 'RESOURCE_EXHAUSTED',
      }),
    ],
    ['a limit of each minute', 429, said('You have exceeded your usage limit of 5 per minute')],
    ['a 498', 498, ''],
  ]);
  table('unknown', 'unknown', [
    ['a time-out that is told under 500', 500, said('x', { type: 'timeout_error' })],
    ['a 504 inside of a 200', undefined, { error: { code: 504, message: 'x' } }],
    ['a 504 inside of a 502', 502, { error: { code: 504, message: 'x' } }],
    ['a 408 inside of a 500', 500, { error: { code: '408', message: 'x' } }],
    ['a sentence under 500', 500, said('litellm.Timeout: Request timed out.')],
    ['a sentence under 503', 503, 'upstream request timeout'],
    ['a deadline under 502', 502, said('context deadline exceeded while awaiting headers')],
    ['a word of Node', 500, said('x', { code: 'ETIMEDOUT' })],
  ]);
  table('nothing was sent', meanings.unavailable, [
    ['no connection in time', 503, 'upstream connect error: connection timeout'],
    ['no connection to the next', 502, said('dial tcp 10.0.0.1:443: i/o timed out')],
  ]);
  table('broken', meanings.broken, [
    ['a bare 500', 500, ''],
    ['an error without a word under 200', undefined, { error: 'something' }],
    ['an unheard-of 5xx', 555, ''],
    ['a model behind the API', 424, { error: 'Request failed during generation' }],
  ]);
});

describe('an error under 200', () => {
  const good = { choices: [{ message: { content: 'x' } }] };
  const codes = [{ code: null, message: '' }, { code: 0 }, { code: 200, message: 'success' }];
  for (const error of [{}, null, '', false, [], 'false', { status: 'ok' }, ...codes])
    it(`is none that says nothing: ${JSON.stringify(error)}`, () => {
      expect(hasErrorInside({ ...good, error })).to.equal(false);
    });
  const flat: readonly object[] = [
    { error: 'text' },
    { error: { code: 200, message: 'x' } },
    { error: { code: 503 } },
    { code: 429, message: 'x' },
    { code: 'InvalidApiKey', message: 'x' },
    { status: 'FAILED' },
    { detail: 'x' },
    { errors: [{ code: 1 }], success: false, result: {} },
    { success: false },
    { base_resp: { status_code: 1008 }, choices: null },
    { object: 'error', message: 'x' },
  ];
  for (const body of flat)
    it(`is seen: ${JSON.stringify(body)}`, () =>
      expect(hasErrorInside({ ...body })).to.equal(true));
  for (const beside of [
    { code: 200, message: 'success' },
    { code: 10_000, msg: 'ok' },
    { status: 'completed', detail: 'high' },
    { base_resp: { status_code: 0, status_msg: 'success' } },
    { success: true },
  ])
    it(`is none beside a good answer: ${JSON.stringify(beside)}`, () => {
      expect(hasErrorInside({ ...good, ...beside })).to.equal(false);
    });
  it('is one beside half an answer', () => {
    expect(hasErrorInside({ ...good, error: { message: 'x' } })).to.equal(true);
  });
});
