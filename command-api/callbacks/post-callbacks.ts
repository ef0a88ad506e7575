/**
 * A provider tells the end of its job. The door keeps what came and answers; a processor reads it
 * (processors/poll-provider-jobs/read-callbacks.ts). So nothing is lost with this process, and what
 * comes twice, late or out of order finds the same answer.
 *
 *   token is none of ours, or names no attempt ──► 404
 *   the signature is not the provider's        ──► 401
 *   anything else                              ──► 200; kept, unless it changes nothing any more,
 *                                                  or the execution's contents were erased
 */
import { createHash } from 'node:crypto';
import type { PayloadRef } from '../../contracts/events/execution.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { storePayload } from '../../command-handling/store-payload.js';
import { attemptIdOf, CALLBACKS_MAX } from '../../domain/attempt/attempt.js';
import { outcomeIsKnown, type State } from '../../domain/execution/execution.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { readCallbackToken } from '../../infra/callback-token.js';
import type { ProviderCallback } from '../../providers/port.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';

export const postCallbacks = (commands: Commands): Route => ({
  method: 'POST',
  path: '/callbacks/{token}',
  summary: 'Receive what a provider says about its job',
  tag: 'Callbacks',
  audience: 'link',
  takesRawBody: true,
  replySchemas: { 200: 'Received.' },
  refusals: ['UNAUTHORIZED', 'NOT_FOUND', 'PAYLOAD_TOO_LARGE'],
  handle: (request) => handle(commands, request),
});

/** While the provider's public keys cannot be had, the callback is kept and checked later. */
const CHECK_TIMEOUT_MS = 2_000;

async function handle(commands: Commands, request: ApiRequest): Promise<Reply | Refusal> {
  const { secrets, executions } = commands;
  const named = readCallbackToken(secrets.callbackKey, request.params['token'] ?? '');
  if (!named) return new Refusal('NOT_FOUND');
  const { executionId, attempt } = named;
  const { state } = await executions.load(executionId);
  const called = attemptIn(state, attempt);
  if (!called || !('request' in state)) return new Refusal('NOT_FOUND');
  const { authorization: _, cookie: __, ...headers } = request.headers();
  const callback = { headers, body: request.rawBody };
  if (await isForged(commands, called.provider, callback))
    return new Refusal('UNAUTHORIZED', 'The signature of the callback is not valid.');
  const logFields = { executionId, attempt };
  if (outcomeIsKnown(state, attempt)) return received(logFields);
  const { organizationId } = state.request;
  const isErased = () => wasErased(commands, state, executionId);
  if (await isErased()) return received(logFields);
  const kept = await keep(commands, { executionId, organizationId, attempt }, callback, request);
  // One that was erased meanwhile may have missed it.
  if (kept && (await isErased())) await commands.payloads.remove(kept.ref, kept.bytes);
  return received(logFields);
}

/** Of what is not over nothing is erased. */
async function wasErased(
  { erasures }: Commands,
  { status }: State,
  executionId: ExecutionId,
): Promise<boolean> {
  if (!OVER.includes(status)) return false;
  return (await erasures.load(executionId)).state.status === 'erased';
}

const OVER: readonly State['status'][] = ['completed', 'failed', 'cancelled', 'expired'];

const received = (logFields: Readonly<Record<string, string | number>>): Reply => ({
  status: 200,
  body: { received: true },
  logFields,
});

const attemptIn = (state: State, attempt: number) =>
  'attempts' in state ? state.attempts[attempt - 1] : undefined;

async function isForged(
  { catalogue, providers }: Commands,
  slug: string,
  callback: ProviderCallback,
): Promise<boolean> {
  const provider = catalogue.current().providers.get(slug);
  const adapter = provider && providers.adapter(provider.adapter);
  if (!provider || !adapter?.checkCallback) return false;
  const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  const call = { provider, timeoutMs: CHECK_TIMEOUT_MS, signal };
  return (await adapter.checkCallback(callback, call)) === 'forged';
}

type About = Pick<
  Extract<State, { status: 'pending' }>['request'],
  'executionId' | 'organizationId'
> & { readonly attempt: number };

async function keep(
  { attempts, payloads, now }: Commands,
  about: About,
  { headers, body }: ProviderCallback,
  request: ApiRequest,
): Promise<PayloadRef | undefined> {
  const { executionId, organizationId, attempt } = about;
  const id = attemptIdOf(executionId, attempt);
  const bodySha256 = createHash('sha256').update(body).digest('hex');
  const at = new Date(now()).toISOString();
  const metadata = metadataOf(request, 'provider', executionId);
  for (;;) {
    const loaded = await attempts.load(id);
    const { callbacks } = loaded.state;
    // Nothing is stored of what would not be kept.
    if (callbacks.includes(bodySha256) || callbacks.length >= CALLBACKS_MAX) return undefined;
    const value = { headers, body: body.toString('base64') };
    const where = `${executionId}/callback/${attempt}`;
    const { ref, inline } = await storePayload({ payloads, now }, where, organizationId, value);
    const data = { ...about, callback: ref, bodySha256, at };
    const command = { type: 'ReceiveCallback', data } as const;
    const { outcome } = await attempts.decide(loaded, command, metadata, { payload: inline });
    if (outcome !== 'conflict') return ref;
  }
}
