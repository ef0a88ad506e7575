/** Errors as callers read them: the house's envelope, or RFC 9457 where `Accept` asks for it. */
import { errorCatalogue, type ErrorCode } from '../../contracts/error-codes.js';
import { StoreOverloaded, StoreUnavailable } from '../../infra/event-store/port.js';
import { isNamed } from './accept.js';
import { Refusal, type Reply } from './route.js';

export const PROBLEM = 'application/problem+json';

/** What failed, as a reply; `accept` is the request's header. */
export function errorReply(refusal: Refusal, requestId: string, accept: string | undefined): Reply {
  const { status, message: usual } = errorCatalogue[refusal.code];
  const common = errorOf(refusal, requestId);
  const headers = { ...headersOf(refusal), ...refusal.headers };
  if (!isNamed(accept, PROBLEM)) return { status, headers, body: { error: common } };
  const body = problemOf(common, { title: usual, status, requestId });
  return { status, headers: { ...headers, 'content-type': PROBLEM }, body };
}

interface Problem {
  readonly title: string;
  readonly status: number;
  readonly requestId: string;
}

/** Beside our own fields. */
export const problemOf = <E extends { readonly code: ErrorCode; readonly message: string }>(
  error: E,
  { title, status, requestId }: Problem,
) => ({
  type: `/docs/errors#${error.code.toLowerCase()}`,
  title,
  status,
  detail: error.message,
  instance: `urn:modelroute:request:${encodeURIComponent(requestId)}`,
  ...error,
});

/** What stands in the envelope. */
export function errorOf(refusal: Refusal, requestId?: string) {
  const { code, details } = refusal;
  const { retryable, message: usual } = errorCatalogue[code];
  const message = refusal.message === code ? usual : refusal.message;
  return {
    code,
    message,
    retryable,
    ...(requestId !== undefined && { request_id: requestId }),
    ...(details && { details }),
  };
}

/** Undefined for what nobody foresaw: that is a defect of ours and is logged as one. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof StoreOverloaded || error instanceof StoreUnavailable) {
    const retryAfter = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
    return new Refusal('SERVICE_UNAVAILABLE', undefined, undefined, { 'retry-after': retryAfter });
  }
  return undefined;
}

function headersOf({ code }: Refusal): Readonly<Record<string, string>> {
  if (code === 'UNAUTHORIZED') return { 'www-authenticate': 'Bearer' };
  const { status } = errorCatalogue[code];
  return status === 503 || status === 429 ? { 'retry-after': '1' } : {};
}
