/** Errors in OpenAI's envelope: {"error": {message, type, param, code}}. */

export interface ApiError {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

export function apiErrorBody({ message, type, param, code }: ApiError): string {
  return JSON.stringify({ error: { message, type, param, code } });
}

export function invalidRequest(message: string, param: string | null, code?: string): ApiError {
  return { status: 400, message, type: 'invalid_request_error', param, code: code ?? null };
}

export const contentPolicyViolation: ApiError = {
  status: 400,
  message: 'Your request was rejected as a result of our safety system.',
  type: 'invalid_request_error',
  param: null,
  code: 'content_policy_violation',
};

export const missingBearer: ApiError = {
  status: 401,
  message: 'You did not provide an API key. Send it as "Authorization: Bearer YOUR_KEY".',
  type: 'invalid_request_error',
  param: null,
  code: 'invalid_api_key',
};

export function unknownPath(method: string, path: string): ApiError {
  const message = `Invalid URL (${method} ${path})`;
  return { status: 404, message, type: 'invalid_request_error', param: null, code: 'unknown_url' };
}

export function modelNotFound(model: string): ApiError {
  return {
    status: 404,
    message: `The model \`${model}\` does not exist or you do not have access to it.`,
    type: 'invalid_request_error',
    param: 'model',
    code: 'model_not_found',
  };
}

export const idempotencyKeyReused: ApiError = {
  status: 409,
  message: 'This Idempotency-Key was used before with a different request body.',
  type: 'idempotency_error',
  param: null,
  code: 'idempotency_key_reused',
};

export function bodyTooLarge(bytesMax: number): ApiError {
  return {
    status: 413,
    message: `The request body is larger than ${bytesMax} bytes.`,
    type: 'invalid_request_error',
    param: null,
    code: 'request_too_large',
  };
}

/** The error of a provider that fails at random, worded as OpenAI words that status. */
export function injectedError(status: number): ApiError {
  const known = wordings[status];
  if (known) return { status, param: null, ...known };
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  return { status, message: `The request failed with ${status}.`, type, param: null, code: null };
}

const wordings: Record<number, Pick<ApiError, 'message' | 'type' | 'code'> | undefined> = {
  401: {
    message: 'Incorrect API key provided.',
    type: 'invalid_request_error',
    code: 'invalid_api_key',
  },
  403: {
    message: 'Your account may not use this model.',
    type: 'permission_error',
    code: 'permission_denied',
  },
  429: {
    message: 'Rate limit reached for requests. Please try again later.',
    type: 'requests',
    code: 'rate_limit_exceeded',
  },
  500: {
    message: 'The server had an error while processing your request. Sorry about that!',
    type: 'server_error',
    code: null,
  },
  503: {
    message: 'The engine is currently overloaded, please try again later.',
    type: 'server_error',
    code: 'engine_overloaded',
  },
};
