/** One JSON call of a provider: headers, credential, ways to fail. */
import type { Provider } from '../contracts/catalogue/catalogue.js';
import type { Ended } from '../http/client/ended.js';
import { exchange } from './exchange.js';
import { failureInside, failureOf, retryAfterMsOf, unsentFailure } from './openai/errors.js';
import type { ProviderCall, ProviderResult } from './port.js';
import type { Wire } from './vendor.js';

interface JsonRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly bytesMax: number;
  /** A good answer may have a field `error` of its own, about a job and not about the call. */
  readonly mayHaveErrorField?: boolean;
}

type Called = Pick<ProviderCall, 'provider' | 'dispatchKey' | 'timeoutMs' | 'signal'>;
type Answer = Readonly<Record<string, unknown>>;
type Unread = Exclude<ProviderResult, { kind: 'succeeded' }>;

type Read =
  | { readonly answer: Answer }
  /** `refusal` is the body of an answer that is an error. */
  | { readonly outcome: Unread; readonly refusal?: unknown };

/** The object that a 2xx carried, or the outcome that the call has without one. */
export async function callJson(
  wire: Wire,
  call: Called,
  { method, path, body, bytesMax, mayHaveErrorField = false }: JsonRequest,
): Promise<Read> {
  const bearer = bearerFor(call.provider, wire.credential);
  if (bearer === undefined) return { outcome: noCredential(call.provider) };
  const { dispatchKey, timeoutMs, signal } = call;
  // prettier-ignore
  const headers = [
    'content-type', 'application/json',
    'accept', 'application/json',
    'accept-encoding', 'identity',
    'authorization', bearer,
    'idempotency-key', dispatchKey,
    'x-dispatch-key', dispatchKey,
  ];
  const text = body ? JSON.stringify(body) : null;
  const sending = { method, path, headers, body: text, timeoutMs, signal, bytesMax };
  return readAnswer(await exchange(wire.endpoints.of(call.provider), sending), mayHaveErrorField);
}

export const unknown = (detail: string): Unread => ({ kind: 'unknown', detail });

export function isObject(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Some servers insist on a bearer even where none is needed. */
const NO_CREDENTIAL = 'Bearer none';

function bearerFor(
  { credentialEnv }: Provider,
  credential: Wire['credential'],
): string | undefined {
  if (credentialEnv === undefined) return NO_CREDENTIAL;
  const secret = credential(credentialEnv)?.trim();
  return secret ? `Bearer ${secret}` : undefined;
}

const noCredential = ({ credentialEnv }: Provider): Unread => ({
  kind: 'failed',
  code: 'MODEL_UNAVAILABLE',
  retryable: true,
  countsAsFailure: true,
  detail: `not sent: the variable ${credentialEnv} is not set`,
});

function readAnswer(ended: Ended, mayHaveErrorField: boolean): Read {
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
    return { outcome: failureOf(status, refusal, retryAfterMs), refusal };
  }
  if (cut !== undefined) return { outcome: unknown(`HTTP ${status}, then: ${cut.detail}`) };
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity') return { outcome: unknown(`HTTP ${status}, compressed unasked`) };
  const answer = parsed(ended.body);
  if (!isObject(answer)) return { outcome: unknown(`HTTP ${status}, not a JSON object`) };
  const failed = mayHaveErrorField ? undefined : failureInside(answer, retryAfterMs);
  return failed ? { outcome: failed } : { answer };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
