/**
 * One exchange with a provider: its credential, headers and query by the catalogue, the body that
 * an adapter prepared, and the ways in which it can fail. `callJson` reads an object, `callBytes`
 * takes whatever a 2xx carried, as speech comes.
 */
import type { Readable } from 'node:stream';
import type { Auth, Provider } from '../contracts/catalogue/catalogue.js';
import type { Answered, Ended } from '../http/client/ended.js';
import type { Method } from '../http/client/exchange.js';
import { ERROR_BYTES_MAX, exchange } from './exchange.js';
import { hasErrorField, hasErrorInside, isErrorObject } from './error-inside.js';
import {
  readFailureBy,
  unsentFailure,
  unusable,
  type ReadFailure,
  type Unread,
} from './failures.js';
import { isObject } from './json-object.js';
import { meanings } from './meanings.js';
import type { ProviderCall } from './port.js';
import { retryAfterMsOf } from './retry-after.js';
import { isSse, sseEventsOf, type SseEvent } from './sse.js';
import { packing, unpack } from './unpacked.js';
import type { Wire } from './vendor.js';
import { withoutBlanks } from './without-blanks.js';

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
   * JSON of each event, or of each item of a list; `cut` where it ended before it was whole.
   * `isEnded`: the stream itself says that it is whole.
   */
  readonly fold?: (pieces: readonly Fields[], isEnded: boolean) => Fields | 'cut';
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
type Called = Pick<ProviderCall, 'provider' | 'dispatchKey' | 'timeoutMs' | 'signal'> &
  Partial<Pick<ProviderCall, 'input'>>;

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
  readonly headers: Answered['headers'];
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
  return json ? { answer: json } : { outcome: unusable('HTTP 200, not a JSON object') };
}

/** What a 2xx carried, as speech comes; an error that stands in it is the outcome. */
export async function callBytes(
  wire: Wire,
  call: Called,
  request: ProviderRequest,
): Promise<{ readonly answer: Bytes } | NotRead> {
  const ended = await send(wire, call, request);
  return 'outcome' in ended ? ended : readBytes(ended, call, request);
}

export const unknown = (detail: string): Unread => ({ kind: 'unknown', detail });

export { isObject } from './json-object.js';

/** A whole 2xx, or the outcome that the call has without one. */
async function send(
  wire: Wire,
  call: Called,
  request: ProviderRequest,
): Promise<Answered | NotRead> {
  const { provider, timeoutMs, signal } = call;
  const credential = wire.credentialOf(provider) ?? NO_CREDENTIAL;
  if (typeof credential !== 'string') return { outcome: noCredential(credential.missing) };
  const { method, path, body } = request;
  const bytesMax = provider.answerBytesMax ?? request.bytesMax;
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
  const named = ended.kind === 'answered' ? packingOf(ended) : undefined;
  const plain = named ? await unpacked(ended as Answered, named, bytesMax) : ended;
  return 'outcome' in plain ? plain : wholeOf(plain, call, readerOf(request));
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
  // oxfmt-ignore
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
  const { headers: ours = NO_HEADERS } = provider;
  for (const more of [dialect?.headers, headers])
    for (const name in more) if (!Object.hasOwn(ours, name)) list.push(name, more[name] ?? '');
  for (const name in ours) list.push(name, ours[name] ?? '');
  return list;
}

const NO_HEADERS: Readonly<Record<string, string>> = {};

const BEARER: Auth = { header: 'authorization', scheme: 'Bearer' };

/** Some servers insist on a credential even where none is needed. */
const NO_CREDENTIAL = 'none';

const noCredential = (why: string): Unread => ({
  kind: 'failed',
  ...meanings.account,
  detail: `not sent: ${why}`,
});

const packingOf = ({ body, headers }: Answered) => packing(body, headers['content-encoding']);

async function unpacked(
  ended: Answered,
  named: readonly string[],
  bytesMax: number,
): Promise<Ended | NotRead> {
  const { status, cut } = ended;
  const isRefusal = status >= 300;
  if (cut && !isRefusal) return ended;
  const limits = { bytesMax: isRefusal ? ERROR_BYTES_MAX : bytesMax, isRefusal };
  const result = await unpack(ended.body, named, limits);
  if ('body' in result) return { ...ended, body: result.body };
  if (isRefusal) return { ...ended, body: Buffer.alloc(0) };
  if (result.failed === 'cut') return { outcome: unknown(`HTTP ${status}, packed and cut short`) };
  const isTooLarge = result.failed === 'too_large';
  const why = isTooLarge ? `larger than ${bytesMax} bytes` : 'in a way that cannot be read';
  return { outcome: unusable(`HTTP ${status}, packed ${why}`) };
}

function wholeOf(ended: Ended, call: Called, readFailure: ReadFailure): Answered | NotRead {
  if (ended.kind === 'refused') return { outcome: unsentFailure('protocol', 'it cannot be sent') };
  if (ended.kind === 'failed') {
    const { reason, mayHaveStarted, detail } = ended;
    if (!mayHaveStarted) return { outcome: unsentFailure(reason, detail) };
    if (reason === 'too_large') return { outcome: unusable('an answer with too large a head') };
    return { outcome: unknown(`no answer: ${detail}`) };
  }
  const { status, cut } = ended;
  if (status >= 300) return refusalOf(ended, call, readFailure);
  if (cut?.reason === 'too_large') return { outcome: unusable(`HTTP ${status}, ${cut.detail}`) };
  if (cut !== undefined) return { outcome: unknown(`HTTP ${status}, then: ${cut.detail}`) };
  return isCutUnsaid(ended) ? { outcome: unknown(`HTTP ${status}, cut short`) } : ended;
}

/**
 * JSON that ends before it is done was cut on its way, whatever its framing says; so was a body of
 * nothing that only the end of the connection ended.
 */
function isCutUnsaid({ status, headers, body: whole }: Answered): boolean {
  if (status === 204) return false;
  const body = withoutBlanks(whole);
  const isFramed = 'content-length' in headers || 'transfer-encoding' in headers;
  if (body.length === 0) return !isFramed;
  if (!BEGINS_AS_JSON.test(body.toString('utf8', 0, FIRST_BYTES))) return false;
  return !/[}\]]$/.test(body.toString('latin1', body.length - 1));
}

/** An operator may know better than the status: that the provider works on behind its gateway. */
function refusalOf(
  { status, headers, body: bytes }: Answered,
  { provider, input }: Called,
  readFailure: ReadFailure,
): NotRead {
  const body = parsed(bytes) ?? bytes.toString('utf8', 0, TEXT_BYTES_MAX);
  const retryAfterMs = retryAfterMsOf({ headers, body, status }, Date.now());
  const outcome = readFailure({ status, body, retryAfterMs, ...(input && { input }) });
  const isDoubted = provider.unknownStatuses?.includes(status);
  const isSettled = outcome.kind === 'failed' && !outcome.retryable;
  if (isDoubted && !isSettled) return { outcome: unknown(outcome.detail), refusal: body };
  return { outcome, refusal: body };
}

/** Of a refusal that is no JSON, so much is searched for words. */
const TEXT_BYTES_MAX = 2_048;

function readBytes(
  ended: Answered,
  { input }: Called,
  request: ProviderRequest,
): { readonly answer: Bytes } | NotRead {
  const { headers, body } = ended;
  const contentType = contentTypeOf(ended);
  const json = objectIn(body, contentType, request.fold);
  if (json === 'cut') return { outcome: unknown('HTTP 200, a stream that broke off') };
  if (json && !request.mayHaveErrorField && hasErrorInside(json)) {
    const retryAfterMs = retryAfterMsOf({ headers, body: json }, Date.now());
    const refusal = { status: undefined, body: json, retryAfterMs, ...(input && { input }) };
    return { outcome: readerOf(request)(refusal), refusal: json };
  }
  return { answer: { contentType, bytes: body, json, headers } };
}

const readerOf = ({ dialect }: ProviderRequest): ReadFailure =>
  dialect?.readFailure ?? readCommonFailure;

/** Only what begins like JSON or like a stream is parsed: a megabyte of speech is not. */
function objectIn(
  bytes: Buffer,
  contentType: string,
  fold: ProviderRequest['fold'],
): Fields | 'cut' | undefined {
  const body = withoutBlanks(bytes);
  const begins = body.toString('utf8', 0, FIRST_BYTES);
  const whole = BEGINS_AS_JSON.test(begins) ? parsed(body) : undefined;
  if (isObject(whole)) return whole;
  const isStream = whole === undefined && isSse(contentType, begins);
  const events = isStream ? sseEventsOf(body.toString('utf8')) : [];
  const pieces = Array.isArray(whole) ? (whole as unknown[]) : piecesOf(events);
  if (isStream && fold && isCutInside(pieces)) return 'cut';
  if (pieces.length === 0 || !pieces.every(isObject)) return undefined;
  const failed = pieces.find(hasErrorField) ?? (isStream ? pieces.find(isErrorObject) : undefined);
  if (failed) return failed;
  if (fold) return fold(pieces, events.some(isEnd));
  return pieces.length === 1 ? pieces[0] : undefined;
}

/** A text may begin with a bracket, too: `[Music]`, `[00:01]`. */
const BEGINS_AS_JSON = /^\ufeff?\s*(\{|\[\s*(["[{\]]|-?\d+[.,e\]]|$))/i;

/** Of the words that are no JSON, `[DONE]` ends a stream; any other spoils it. */
const isEnd = ({ data }: SseEvent): boolean => data.trim() === '[DONE]';

function piecesOf(events: readonly SseEvent[]): unknown[] {
  const pieces = events.filter((event) => !isEnd(event));
  return pieces.map(({ event, data }) => {
    const piece = parsed(data);
    return event === 'error' && !(isObject(piece) && hasErrorField(piece))
      ? { error: piece ?? data }
      : piece;
  });
}

/** The last event ends in the middle of its JSON. */
const isCutInside = (pieces: readonly unknown[]): boolean =>
  pieces.length > 1 && !isObject(pieces.at(-1)) && pieces.slice(0, -1).every(isObject);

const FIRST_BYTES = 64;

const contentTypeOf = ({ headers }: Answered): string =>
  /^[^;\s]*/.exec(headers['content-type']?.trim() ?? '')?.[0].toLowerCase() ?? '';

/** Undefined where it is no JSON. The numbers that only Python writes are taken for `null`. */
function parsed(body: Buffer | string): unknown {
  const text = body.toString().replace(/^\ufeff/, '');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text.includes('NaN') || text.includes('Infinity') ? withoutNaN(text) : undefined;
  }
}

function withoutNaN(text: string): unknown {
  const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/g;
  try {
    return JSON.parse(text.replace(tokens, (one) => (one.startsWith('"') ? one : 'null')));
  } catch {
    return undefined;
  }
}
