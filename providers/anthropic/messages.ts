/**
 * Anthropic messages: `POST /v1/messages`, the key in `x-api-key`. Its errors are
 * `{"type": "error", "error": {type, message}}`, and their words among those that all share
 * (providers/failure-words.ts): `overloaded_error` (529), `rate_limit_error`, `billing_error` …
 */
import { apiPath } from '../api-path.js';
import { readFailureBy } from '../failures.js';
import { callJson, type Dialect } from '../json-call.js';
import { meanings } from '../meanings.js';
import type { ProviderAdapter } from '../port.js';
import { textRequestOf } from '../text/request.js';
import type { Wire } from '../vendor.js';
import { messagesResult } from './messages-answer.js';
import { messagesBody } from './messages-request.js';
import { foldMessages } from './messages-stream.js';

/** The only version of the format that there is; a provider's entry may name another. */
const VERSION = '2023-06-01';
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

const dialect: Dialect = {
  auth: { header: 'x-api-key' },
  headers: { 'anthropic-version': VERSION },
  readFailure: readFailureBy({ words: { not_found_error: meanings.refused } }),
};

export function anthropicMessages(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const request = textRequestOf(call);
      if ('refusal' in request) return request.refusal;
      const body = await messagesBody(call, request);
      if ('refusal' in body) return body.refusal;
      const read = await callJson(wire, call, {
        dialect,
        method: 'POST',
        path: apiPath(call.provider, '/messages'),
        body: body.body,
        bytesMax: ANSWER_BYTES_MAX,
        fold: foldMessages,
      });
      return 'outcome' in read ? read.outcome : messagesResult(call, request.format, read.answer);
    },
  };
}
