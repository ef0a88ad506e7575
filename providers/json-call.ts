/** One JSON call of a provider: headers, credential, ways to fail. */
import type { Provider } from '../contracts/catalogue/catalogue.js';
import type { Ended } from '../http/client/ended.js';
import { exchange } from './exchange.js';
import { failureInside, failureOf, retryAfterMsOf, unsentFailure } from './openai/errors.js';
import type { ProviderCall, ProviderResult } from './port.js';
import { isSse, sseEventsOf } from './sse.js';
import type { Wire } from './vendor.js';

interface JsonRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly bytesMax: number;
  /** A good answer may have a field `error` of its own, about a job and not about the call. */
  readonly mayHaveErrorField?: boolean;
  /** The header that this vendor takes its credential in; `authorization` as a bearer if absent. */
  readonly credentialHeader?: string;
  /** Names and values in turn, of the vendor's own. */
  readonly headers?: readonly string[];
  /** What an answer means that is an error, where its envelope is not that of OpenAI. */
  readonly failureOf?: typeof failureOf;
  /**
   * The answer that the pieces of a stream add up to, which came though none was asked for: the
   * JSON of each event, or of each item of a list. Undefined where it ended before it was whole.
   */
  readonly fold?: (pieces: readonly Answer[]) => Answer | undefined;
}

type Called = Pick<ProviderCall, 'provider' | 'dispatchKey' | 'timeoutMs' | 'signal'>;
type Answer = Readonly<Record<string, unknown>>;
type Unread = Exclude<ProviderResult, { kind: 'succeeded' }>;

type Read =
  | { readonly answer: Answer }
  /** `refusal` is the body of an answer that is an error. */
  | { readonly outcome: Unread; readonly refusal?: unknown };

/** The object that a 2xx carried, or the outcome that the call has without one. */
export async function callJson(wire: Wire, call: Called, request: JsonRequest): Promise<Read> {
  const { method, path, body, bytesMax } = request;
  const credential = credentialFor(call.provider, wire.credential, request.credentialHeader);
  if (credential === undefined) return { outcome: noCredential(call.provider) };
  const { dispatchKey, timeoutMs, signal } = call;
  // prettier-ignore
  const headers = [
    'content-type', 'application/json',
    'accept', 'application/json',
    'accept-encoding', 'identity',
    ...credential,
    'idempotency-key', dispatchKey,
    'x-dispatch-key', dispatchKey,
    ...(request.headers ?? []),
  ];
  const text = body ? JSON.stringify(body) : null;
  const sending = { method, path, headers, body: text, timeoutMs, signal, bytesMax };
  return readAnswer(await exchange(wire.endpoints.of(call.provider), sending), request);
}

export const unknown = (detail: string): Unread => ({ kind: 'unknown', detail });

export function isObject(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Some servers insist on a bearer even where none is needed. */
const NO_CREDENTIAL = 'none';

function credentialFor(
  { credentialEnv }: Provider,
  credential: Wire['credential'],
  header?: string,
): readonly string[] | undefined {
  const secret = credentialEnv === undefined ? NO_CREDENTIAL : credential(credentialEnv)?.trim();
  if (!secret) return undefined;
  return header === undefined ? ['authorization', `Bearer ${secret}`] : [header, secret];
}

const noCredential = ({ credentialEnv }: Provider): Unread => ({
  kind: 'failed',
  code: 'MODEL_UNAVAILABLE',
  retryable: true,
  countsAsFailure: true,
  detail: `not sent: the variable ${credentialEnv} is not set`,
});

function readAnswer(ended: Ended, request: JsonRequest): Read {
  if (ended.kind === 'refused') return { outcome: unsentFailure('protocol', 'it cannot be sent') };
  if (ended.kind === 'failed') {
    const { reason, mayHaveStarted, detail } = ended;
    if (mayHaveStarted) return { outcome: unknown(`no answer: ${detail}`) };
    return { outcome: unsentFailure(reason, detail) };
  }
  const { status, headers, cut } = ended;
  const retryAfterMs = status === 200 ? undefined : retryAfterMsOf(headers, Date.now());
  if (status >= 300) {
    const refusal = parsed(ended.body);
    const failure = (request.failureOf ?? failureOf)(status, refusal, retryAfterMs);
    return { outcome: failure, refusal };
  }
  if (cut !== undefined) return { outcome: unknown(`HTTP ${status}, then: ${cut.detail}`) };
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity') return { outcome: unknown(`HTTP ${status}, compressed unasked`) };
  const answer = answerOf(ended.body, headers['content-type'], request.fold);
  if (!isObject(answer)) return { outcome: unknown(`HTTP ${status}, not a JSON object`) };
  const failed = request.mayHaveErrorField ? undefined : failureInside(answer, retryAfterMs);
  return failed ? { outcome: failed } : { answer };
}

function answerOf(body: Buffer, contentType: string | undefined, fold: JsonRequest['fold']) {
  const whole = parsed(body);
  if (!fold || isObject(whole)) return whole;
  const pieces = Array.isArray(whole) ? (whole as unknown[]) : piecesOf(body, contentType);
  return pieces.length > 0 && pieces.every(isObject) ? fold(pieces) : undefined;
}

/** Of the words that are no JSON, `[DONE]` ends a stream; any other spoils it. */
function piecesOf(body: Buffer, contentType: string | undefined): unknown[] {
  const text = body.toString('utf8');
  if (!isSse(contentType, text)) return [];
  const data = sseEventsOf(text).map((event) => event.data);
  return data.filter((one) => one !== '[DONE]').map((one) => parsed(one));
}

function parsed(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
