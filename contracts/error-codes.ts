/** The twelve canonical codes, and the seven that only HTTP itself needs. */
export type CanonicalCode =
  | 'INPUT_VALIDATION_ERROR'
  | 'CONTENT_MODERATION_REJECTED'
  | 'FILE_NOT_FOUND'
  | 'FILE_FORMAT_UNSUPPORTED'
  | 'INSUFFICIENT_BALANCE'
  | 'RATE_LIMITED'
  | 'MODEL_OVERLOADED'
  | 'MODEL_UNAVAILABLE'
  | 'GENERATION_TIMEOUT'
  | 'GENERATION_FAILED'
  | 'SERVICE_UNAVAILABLE'
  | 'INTERNAL_ERROR';

export type HttpCode =
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'CONFLICT'
  | 'IDEMPOTENCY_MISMATCH'
  | 'PAYLOAD_TOO_LARGE';

export type ErrorCode = CanonicalCode | HttpCode;

export interface ErrorDefinition {
  readonly status: number;
  readonly retryable: boolean;
  /** The message a caller reads; it never carries a provider's words. */
  readonly message: string;
}

const is = (status: number, retryable: boolean, message: string): ErrorDefinition => ({
  status,
  retryable,
  message,
});

export const errorCatalogue: Record<ErrorCode, ErrorDefinition> = {
  INPUT_VALIDATION_ERROR: is(400, false, 'The request is not valid.'),
  CONTENT_MODERATION_REJECTED: is(400, false, 'The content was rejected by moderation.'),
  FILE_NOT_FOUND: is(400, false, 'A referenced file does not exist.'),
  FILE_FORMAT_UNSUPPORTED: is(400, false, 'A referenced file has a format the model cannot take.'),
  INSUFFICIENT_BALANCE: is(402, false, 'The balance is too small for this execution.'),
  RATE_LIMITED: is(429, true, 'Too many requests; try again later.'),
  MODEL_OVERLOADED: is(503, true, 'The model is overloaded; try again later.'),
  MODEL_UNAVAILABLE: is(503, true, 'The model is not available now; try again later.'),
  GENERATION_TIMEOUT: is(504, true, 'The generation did not finish in time.'),
  GENERATION_FAILED: is(500, true, 'The generation failed.'),
  SERVICE_UNAVAILABLE: is(503, true, 'The service is not available now; try again shortly.'),
  INTERNAL_ERROR: is(500, false, 'Something went wrong on our side.'),
  UNAUTHORIZED: is(401, false, 'The API key is missing or not valid.'),
  FORBIDDEN: is(403, false, 'The API key does not permit this.'),
  NOT_FOUND: is(404, false, 'Not found.'),
  METHOD_NOT_ALLOWED: is(405, false, 'This path has other methods: see the header Allow.'),
  CONFLICT: is(409, false, 'The request conflicts with the current state.'),
  IDEMPOTENCY_MISMATCH: is(422, false, 'The idempotency key was used with another body.'),
  PAYLOAD_TOO_LARGE: is(413, false, 'The request body is too large.'),
};

export interface ErrorDetail {
  /** Absent where no field is wrong, e.g. for a limit. */
  readonly field?: string;
  readonly code: string;
  readonly message: string;
  /** Whose limit it was, of a spending guard. */
  readonly scope?: 'organization' | 'key';
}
