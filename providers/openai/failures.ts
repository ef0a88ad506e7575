/**
 * OpenAI's own words, for what all share see providers/failure-words.ts: an error is
 * `{"error": {message, type, param, code}}`.
 *
 *   code                                  means
 *   content_policy_violation …            rejected
 *   context_length_exceeded …             tooLong
 *   insufficient_quota invalid_api_key …  account
 *   model_not_found …                     refused
 *   rate_limit_exceeded, type tokens …    throttled
 *   image_generation_user_error           rejected: the picture was withheld
 *   insufficient_system_resource          overloaded (DeepSeek)
 */
import { meanings } from '../meanings.js';
import { readFailureBy } from '../failures.js';
import type { Dialect } from '../json-call.js';

export const readOpenaiFailure = readFailureBy({
  words: {
    image_generation_user_error: meanings.rejected,
    insufficient_system_resource: meanings.overloaded,
  },
});

export const openaiDialect: Dialect = { readFailure: readOpenaiFailure };
