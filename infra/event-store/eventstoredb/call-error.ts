/** How a call of gRPC failed, as its status says, or what became of its stream and connection. */
import { constants, type IncomingHttpHeaders } from 'node:http2';

/** The headers and trailers of an answer. */
export type Told = Readonly<IncomingHttpHeaders>;

/** The names are those of google.rpc.Code. */
const NAMES = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND'],
  ...['ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION'],
  ...['ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
  'UNAUTHENTICATED',
] as const;

export type CodeName = (typeof NAMES)[number];

export class CallError extends Error {
  readonly code: CodeName;
  readonly told: Told;
  constructor(code: CodeName, details: string, told: Told = {}) {
    super(`${NAMES.indexOf(code)} ${code}: ${details}`);
    this.name = 'CallError';
    this.code = code;
    this.told = told;
  }
}

/** Undefined where they tell that the call went well, or do not tell the status yet. */
export function statusIn(told: Told): CallError | 'ok' | undefined {
  const status = told['grpc-status'];
  if (status === undefined) return undefined;
  if (status === '0') return 'ok';
  return new CallError(NAMES[Number(status)] ?? 'UNKNOWN', messageIn(told), told);
}

/** Of a stream that was closed before a status came. */
export function resetError(resetCode: number | undefined, told: Told): CallError {
  const httpStatus = told[':status'];
  if (httpStatus !== undefined && Number(httpStatus) !== 200)
    return new CallError(codeOfHttp(Number(httpStatus)), `the server answered ${httpStatus}`, told);
  const code = RESETS.get(resetCode) ?? 'INTERNAL';
  const reason = code === 'UNAVAILABLE' ? 'the server is too busy for it' : 'the call was closed';
  return new CallError(code, `${reason} (HTTP/2 code ${resetCode})`);
}

function messageIn(told: Told): string {
  const message = String(told['grpc-message'] ?? '');
  try {
    return decodeURIComponent(message);
  } catch {
    return message; // not encoded as the protocol has it
  }
}

const RESETS: ReadonlyMap<number | undefined, CodeName> = new Map([
  [constants.NGHTTP2_REFUSED_STREAM, 'UNAVAILABLE'],
  [constants.NGHTTP2_CANCEL, 'CANCELLED'],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, 'RESOURCE_EXHAUSTED'],
  [constants.NGHTTP2_INADEQUATE_SECURITY, 'PERMISSION_DENIED'],
]);

function codeOfHttp(status: number): CodeName {
  if (status === 400) return 'INTERNAL';
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'PERMISSION_DENIED';
  if (status === 404) return 'UNIMPLEMENTED';
  return [429, 502, 503, 504].includes(status) ? 'UNAVAILABLE' : 'UNKNOWN';
}
