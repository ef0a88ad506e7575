/** What an integrator does about each code: docs/build/errors.md is generated from it. */
import { errorCatalogue, type ErrorCode } from '../contracts/error-codes.js';

interface Advice {
  /** Under which idempotency key the same work is asked for again; none where it is no use. */
  readonly again: 'no' | 'the same key' | 'a new key';
  readonly what: string;
}

const no = (what: string): Advice => ({ again: 'no', what });
const sameKey = (what: string): Advice => ({ again: 'the same key', what });
const newKey = (what: string): Advice => ({ again: 'a new key', what });

const advice: Readonly<Record<ErrorCode, Advice>> = {
  INPUT_VALIDATION_ERROR: no('`details` name the fields; correct them. As it is it never passes.'),
  CONTENT_MODERATION_REJECTED: no('Change the input; `details` may name the category.'),
  FILE_NOT_FOUND: no('`details` name the field: upload and confirm the file, or correct its id.'),
  FILE_FORMAT_UNSUPPORTED: no('Send a file of a format that the model takes.'),
  INSUFFICIENT_BALANCE: sameKey(
    'Nothing was accepted. Top up, or wait until holds end. `details[0].code` names the limit ' +
      'where it is not the balance: a spending guard, or `storage_quota`.',
  ),
  RATE_LIMITED: sameKey('Wait as many seconds as `Retry-After` says.'),
  MODEL_OVERLOADED: newKey('Wait `retry_after` seconds, or name `fallback_models`.'),
  MODEL_UNAVAILABLE: newKey('Wait `retry_after` seconds, or name `fallback_models`.'),
  GENERATION_TIMEOUT: newKey('The work may have been done and its answer lost; you do not pay.'),
  GENERATION_FAILED: newKey('Once or twice; then look at the input, or take another model.'),
  SERVICE_UNAVAILABLE: sameKey('Wait as many seconds as `Retry-After` says.'),
  INTERNAL_ERROR: sameKey('Once or twice; then tell your operator the `request_id`.'),
  UNAUTHORIZED: no('The key is missing, mistyped, expired or revoked.'),
  FORBIDDEN: no('Use a key whose permission, address and models allow this.'),
  NOT_FOUND: no('No such id, or not yours.'),
  METHOD_NOT_ALLOWED: no('`Allow` lists the methods of this path.'),
  CONFLICT: no('Read the state: it does not allow this now, or never.'),
  IDEMPOTENCY_MISMATCH: newKey('The key names other work already; nothing was done.'),
  PAYLOAD_TOO_LARGE: no('See [limits](limits.md); large inputs are [files](files.md).'),
};

/** In the order of their statuses. */
export function adviceTable(): string {
  const rows = Object.entries(errorCatalogue)
    .map(([code, { status, retryable }]) => ({ code: code as ErrorCode, status, retryable }))
    .sort((a, b) => a.status - b.status)
    .map(({ code, status, retryable }) => {
      const { again, what } = advice[code];
      return `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${again} | ${what} |`;
    });
  return [
    '| code | HTTP | `retryable` | again under | what to do |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
