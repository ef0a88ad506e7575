/**
 * The errors of Google's APIs are a google.rpc.Status: `{"error": {code, message, status, …}}`.
 * Its words, an ErrorInfo's `reason` and a RetryInfo's `retryDelay` are among those that all share
 * (providers/failure-words.ts); what differs is here.
 *
 *   status        means
 *   NOT_FOUND     refused: it does not have that model
 *   UNAVAILABLE   overloaded: so it says when a model has too many requests
 *   CANCELLED     broken
 */
import { readFailureBy } from '../failures.js';
import { meanings } from '../meanings.js';

export const readGeminiFailure = readFailureBy({
  words: {
    NOT_FOUND: meanings.refused,
    UNAVAILABLE: meanings.overloaded,
    CANCELLED: meanings.broken,
  },
});
