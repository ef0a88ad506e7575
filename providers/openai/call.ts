/** What all OpenAI-compatible endpoints have in common: headers, credential, ways to fail. */
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import type { Ended } from '../../http/client/ended.js';
import type { Endpoints } from '../endpoints.js';
import { exchange } from '../exchange.js';
import { failureInside, failureOf, retryAfterMsOf, unsentFailure } from './errors.js';
import type { ProviderCall, ProviderOutcome } from '../port.js';

export interface Wire {
  readonly endpoints: Endpoints;
  /** A credential by the name of its environment variable. */
  readonly credential: (envName: string) => string | undefined;
}

interface Post {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly bytesMax: number;
}

type Answer = Readonly<Record<string, unknown>>;
type Unread = Exclude<ProviderOutcome, { kind: 'succeeded' }>;

/** The object that a 2xx carried, or the outcome that the call has without one. */
export async function postJson(
  wire: Wire,
  call: ProviderCall,
  { path, body, bytesMax }: Post,
): Promise<{ readonly answer: Answer } | { readonly outcome: Unread }> {
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
  const text = JSON.stringify(body);
  const sending = {
    method: 'POST',
    path,
    headers,
    body: text,
    timeoutMs,
    signal,
    bytesMax,
  } as const;
  return readAnswer(await exchange(wire.endpoints.of(call.provider), sending));
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

function readAnswer(ended: Ended): { readonly answer: Answer } | { readonly outcome: Unread } {
  if (ended.kind === 'refused') return { outcome: unsentFailure('protocol', 'it cannot be sent') };
  if (ended.kind === 'failed') {
    const { reason, mayHaveStarted, detail } = ended;
    if (mayHaveStarted) return { outcome: unknown(`no answer: ${detail}`) };
    return { outcome: unsentFailure(reason, detail) };
  }
  const { status, headers, cut } = ended;
  const retryAfterMs = status === 200 ? undefined : retryAfterMsOf(headers, Date.now());
  if (status >= 300) return { outcome: failureOf(status, parsed(ended.body), retryAfterMs) };
  if (cut !== undefined) return { outcome: unknown(`HTTP ${status}, then: ${cut.detail}`) };
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity') return { outcome: unknown(`HTTP ${status}, compressed unasked`) };
  const answer = parsed(ended.body);
  if (!isObject(answer)) return { outcome: unknown(`HTTP ${status}, not a JSON object`) };
  const failed = failureInside(answer, retryAfterMs);
  return failed ? { outcome: failed } : { answer };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
