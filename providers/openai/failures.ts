/**
 * The words of OpenAI's errors, and of the many servers that send the same envelope:
 * `{"error": {message, type, param, code}}`.
 *
 *   code                                                    means
 *   content_policy_violation content_filter                 CONTENT_MODERATION_REJECTED
 *     moderation_blocked
 *   invalid_image invalid_image_format image_parse_error    FILE_FORMAT_UNSUPPORTED
 *   insufficient_quota billing_hard_limit_reached           MODEL_UNAVAILABLE (our account there)
 *     invalid_api_key
 *   model_not_found                                         MODEL_UNAVAILABLE (that model there)
 *   idempotency_key_reused                                  GENERATION_FAILED, not retryable
 *   engine_overloaded                                       MODEL_OVERLOADED
 */
import { meanings, readFailureBy, type Unread } from '../failures.js';
import type { Dialect } from '../json-call.js';

export const openaiDialect: Dialect = {
  readFailure: readFailureBy({
    words: {
      content_policy_violation: meanings.rejected,
      content_filter: meanings.rejected,
      moderation_blocked: meanings.rejected,
      invalid_image: meanings.wrongFormat,
      invalid_image_format: meanings.wrongFormat,
      image_parse_error: meanings.wrongFormat,
      insufficient_quota: meanings.unavailable,
      billing_hard_limit_reached: meanings.unavailable,
      invalid_api_key: meanings.unavailable,
      model_not_found: meanings.noSuchModel,
      idempotency_key_reused: meanings.mismatched,
      engine_overloaded: meanings.overloaded,
    },
    shown: [
      'invalid_request_error',
      'authentication_error',
      'permission_error',
      'permission_denied',
      'rate_limit_exceeded',
      'rate_limit_error',
      'requests',
      'tokens',
      'server_error',
      'context_length_exceeded',
      'unsupported_parameter',
      'unknown_url',
      'request_too_large',
      'idempotency_error',
      'invalid_size',
      'overloaded_error',
      'api_error',
    ],
  }),
};

/** The output was withheld by the provider's safety system after it had been asked for. */
export const moderated: Unread = {
  kind: 'failed',
  ...meanings.rejected,
  detail: 'finish_reason content_filter without content',
};
