/**
 * One exchange with a provider: its credential, headers and query by the catalogue, the body that
 * an adapter prepared, and the ways in which it can fail. `callJson` reads an object, `callBytes`
 * takes whatever a 2xx carried, as speech comes.
 */
import type { Readable } from 'node:stream';
import type { Auth, Provider } from '../contracts/catalogue/catalogue.js';
import type { Answered, Ended } from '../http/client/ended.js';
import type { Method } from '../http/client/exchange.js';
import { exchange } from './exchange.js';
import {
  failureInside,
  readFailureBy,
  retryAfterMsOf,
  unsentFailure,
  type ReadFailure,
  type Unread,
} from './failures.js';
import type { ProviderCall } from './port.js';
import { isSse, sseEventsOf } from './sse.js';
import type { Wire } from './vendor.js';

/** What a vendor does in its own way; a provider's entry in the catalogue goes before it. */
export interface Dialect {
  /** `Authorization: Bearer …` unless it is said. */
  readonly auth?: Auth;
  /** Sent with every request, by names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The table of the vendor's errors. */
  readonly readFailure?: ReadFailure;
}

export interface ProviderRequest {
  readonly dialect?: Dialect;
  readonly method: Method;
  /** Below the base path of the provider, exactly as it is sent; it may have a query. */
  readonly path: string;
  /** Of this request alone, by names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: Fields | PreparedBody;
  readonly accept?: string;
  /** Of the answer, as it is kept. */
  readonly bytesMax: number;
  /** A good answer may have a field `error` of its own, about a job and not about the call. */
  readonly mayHaveErrorField?: boolean;
  /**
   * The answer that the pieces of a stream add up to, which came though none was asked for: the
   * JSON of each event, or of each item of a list. Undefined where it ended before it was whole.
   */
  readonly fold?: (pieces: readonly Fields[]) => Fields | undefined;
}

/** A body in a form of the vendor's own, such as `multipart/form-data`. */
export class PreparedBody {
  constructor(
    readonly contentType: string,
    /** A stream is opened when the request leaves, and its length is told before. */
    readonly content: Buffer | string | { readonly bytes: number; open(): Promise<Readable> },
  ) {}
}

type Fields = Readonly<Record<string, unknown>>;
type Called = Pick<ProviderCall, 'provider' | 'dispatchKey' | 'timeoutMs' | 'signal'>;

/** `refusal` is the body of an answer that is an error, where it is JSON. */
export interface NotRead {
  readonly outcome: Unread;
  readonly refusal?: unknown;
}

export interface Bytes {
  /** In lower case, without parameters; empty where none is named. */
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Where they are a JSON object, or a stream of events that was folded to one. */
  readonly json: Fields | undefined;
}

/** The object that a 2xx carried, or the outcome that the call has without one. */
export async function callJson(
  wire: Wire,
  call: Called,
  request: ProviderRequest,
): Promise<{ readonly answer: Fields } | NotRead> {
  const read = await callBytes(wire, call, request);
  if ('outcome' in read) return read;
  const { json } = read.answer;
  return json ? { answer: json } : { outcome: unknown('HTTP 200, not a JSON object') };
}

/** What a 2xx carried, as speech comes; an error that stands in it is the outcome. */
export async function callBytes(
  wire: Wire,
  call: Called,
  request: ProviderRequest,
): Promise<{ readonly answer: Bytes } | NotRead> {
  const ended = await send(wire, call, request);
  return 'outcome' in ended ? ended : readBytes(ended, request);
}

export const unknown = (detail: string): Unread => ({ kind: 'unknown', detail });

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole 2xx, or the outcome that the call has without one. */
async function send(
  wire: Wire,
  call: Called,
  request: ProviderRequest,
): Promise<Answered | NotRead> {
  const { provider, timeoutMs, signal } = call;
  const credential = credentialFor(provider, wire.credential);
  if (credential === undefined) return { outcome: noCredential(provider) };
  const { method, path, body, bytesMax } = request;
  const headers = headersOf(call, request, credential);
  const sent =
    body instanceof PreparedBody ? await contentOf(body) : body ? JSON.stringify(body) : null;
  const sending = {
    method,
    path: path + queryOf(provider, path),
    headers,
    body: sent,
    timeoutMs,
    signal,
    bytesMax,
  };
  const ended = await exchange(wire.endpoints.of(provider), sending);
  return wholeOf(ended, request.dialect?.readFailure ?? readCommonFailure);
}

const readCommonFailure = readFailureBy({});

const contentOf = ({ content }: PreparedBody) =>
  typeof content === 'string' || Buffer.isBuffer(content) ? content : content.open();

function queryOf({ query }: Provider, path: string): string {
  if (!query) return '';
  return `${path.includes('?') ? '&' : '?'}${new URLSearchParams(query).toString()}`;
}

function headersOf(
  { provider, dispatchKey }: Called,
  { dialect, headers, body, accept = 'application/json' }: ProviderRequest,
  credential: string,
): string[] {
  const { auth = dialect?.auth ?? BEARER, idempotencyHeader = 'idempotency-key' } = provider;
  const { header, scheme } = auth;
  const isPrepared = body instanceof PreparedBody;
  // prettier-ignore
  const list = [
    'content-type', isPrepared ? body.contentType : 'application/json',
    'accept', accept,
    'accept-encoding', 'identity',
    header, scheme ? `${scheme} ${credential}` : credential,
  ];
  if (idempotencyHeader !== 'none')
    list.push(idempotencyHeader, dispatchKey, 'x-dispatch-key', dispatchKey);
  if (isPrepared && typeof body.content === 'object' && 'bytes' in body.content)
    list.push('content-length', String(body.content.bytes));
  for (const more of [dialect?.headers, provider.headers, headers])
    if (more) for (const [name, value] of Object.entries(more)) list.push(name, value);
  return list;
}

const BEARER: Auth = { header: 'authorization', scheme: 'Bearer' };

/** Some servers insist on a credential even where none is needed. */
const NO_CREDENTIAL = 'none';

function credentialFor(
  { credentialEnv }: Provider,
  credential: Wire['credential'],
): string | undefined {
  if (credentialEnv === undefined) return NO_CREDENTIAL;
  return credential(credentialEnv)?.trim() || undefined;
}

const noCredential = ({ credentialEnv }: Provider): Unread => ({
  kind: 'failed',
  code: 'MODEL_UNAVAILABLE',
  retryable: true,
  countsAsFailure: true,
  detail: `not sent: the variable ${credentialEnv} is not set`,
});

function wholeOf(ended: Ended, readFailure: ReadFailure): Answered | NotRead {
  if (ended.kind === 'refused') return { outcome: unsentFailure('protocol', 'it cannot be sent') };
  if (ended.kind === 'failed') {
    const { reason, mayHaveStarted, detail } = ended;
    if (mayHaveStarted) return { outcome: unknown(`no answer: ${detail}`) };
    return { outcome: unsentFailure(reason, detail) };
  }
  const { status, headers, cut } = ended;
  if (status >= 300) {
    const refusal = parsed(ended.body);
    const retryAfterMs = retryAfterMsOf(headers, Date.now());
    return { outcome: readFailure({ status, body: refusal, retryAfterMs }), refusal };
  }
  if (cut !== undefined) return { outcome: unknown(`HTTP ${status}, then: ${cut.detail}`) };
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity') return { outcome: unknown(`HTTP ${status}, compressed unasked`) };
  return ended;
}

function readBytes(
  ended: Answered,
  { dialect, mayHaveErrorField, fold }: ProviderRequest,
): { readonly answer: Bytes } | NotRead {
  const { headers, body } = ended;
  const contentType = contentTypeOf(ended);
  const json = objectIn(body, contentType, fold);
  if (json && !mayHaveErrorField) {
    const readFailure = dialect?.readFailure ?? readCommonFailure;
    const retryAfterMs = retryAfterMsOf(headers, Date.now());
    const outcome = failureInside(json, retryAfterMs, readFailure);
    if (outcome) return { outcome };
  }
  return { answer: { contentType, bytes: body, json } };
}

/** Only what begins like JSON or like a stream is parsed: a megabyte of speech is not. */
function objectIn(
  body: Buffer,
  contentType: string,
  fold: ProviderRequest['fold'],
): Fields | undefined {
  const begins = body.toString('utf8', 0, FIRST_BYTES);
  const whole = /^\ufeff?\s*[[{]/.test(begins) ? parsed(body) : undefined;
  if (isObject(whole)) return whole;
  if (!fold) return undefined;
  const isStream = whole === undefined && isSse(contentType, begins);
  const pieces = Array.isArray(whole) ? (whole as unknown[]) : isStream ? piecesOf(body) : [];
  return pieces.length > 0 && pieces.every(isObject) ? fold(pieces) : undefined;
}

/** Of the words that are no JSON, `[DONE]` ends a stream; any other spoils it. */
function piecesOf(body: Buffer): unknown[] {
  const data = sseEventsOf(body.toString('utf8')).map((event) => event.data);
  return data.filter((one) => one !== '[DONE]').map((one) => parsed(one));
}

const FIRST_BYTES = 64;

const contentTypeOf = ({ headers }: Answered): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

function parsed(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
