/**
 * A new execution of the input of one that is over without a result, under a key of its own, with
 * the models and prices of now. What its caller had asked for is taken over and cannot be changed.
 */
import type { WebhookEventType } from '../../contracts/events/delivery.js';
import { acceptedSchema } from '../../contracts/http/execution.js';
import {
  retrySchema,
  type RetryBody,
  type SubmitBody,
} from '../../contracts/http/post-executions.js';
import { executionIdOf, isId, type ExecutionId } from '../../contracts/ids.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { PublicStatus } from '../../domain/execution/view.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import { canonicalJson, sha256Hex } from '../../domain/canonical-json.js';
import type { Commands } from '../command-infra.js';
import { permitModels } from './bound-by-key.js';
import { requireIdempotencyKey } from './idempotency-key.js';
import { place, prepare, repeated } from './prepare-submission.js';
import { findSeen, type Requested } from './submit.js';

export const postExecutionsRetry = (commands: Commands): Route => ({
  method: 'POST',
  path: '/executions/{id}/retry',
  summary: 'Retry an execution',
  description:
    'A new execution of the same input, for one that is `FAILED`, `EXPIRED` or `CANCELLED`; ' +
    '`retry_of` of the new one names it. Model, metadata, webhook, requirements and lifetime are ' +
    'taken over; routes and prices are those of now. It needs an idempotency key of its own.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:write',
  bodySchema: retrySchema,
  isBodyOptional: true,
  headers: {
    'Idempotency-Key':
      'Names the retry within your organization; or `idempotency_key` in the body.',
  },
  replySchemas: { 202: acceptedSchema },
  refusals: [
    'NOT_FOUND',
    'CONFLICT',
    'INSUFFICIENT_BALANCE',
    'IDEMPOTENCY_MISMATCH',
    'FILE_NOT_FOUND',
    'FILE_FORMAT_UNSUPPORTED',
  ],
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  commands: Commands,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  const id = request.params['id'] as ExecutionId;
  const key = requireIdempotencyKey(request, (request.body as RetryBody).idempotency_key);
  if (!isId('exec', id)) return new Refusal('NOT_FOUND');
  const { state } = await commands.executions.load(id);
  if (!('request' in state) || state.request.organizationId !== caller.organizationId)
    return new Refusal('NOT_FOUND');
  const { model, fallbackModels } = state.request;
  permitModels(caller, { model, ...(fallbackModels && { fallback_models: fallbackModels }) });
  const running = statusUnlessRetryable[state.status];
  if (running) return notRetryable(running);
  const bodyHash = sha256Hex(canonicalJson({ retry_of: id }));
  // A repeat is answered also when the input is gone meanwhile.
  const seen = await findSeen(commands, executionIdOf(caller.organizationId, key));
  if (seen.requested) return repeated(seen.requested, bodyHash);
  const { state: contents } = await commands.erasures.load(id);
  const body = contents.status === 'erased' ? undefined : await bodyOf(commands, state.request);
  if (!body) return inputGone();
  const prepared = await prepare(commands, { request, caller, body, key, bodyHash, retryOf: id });
  return 'submission' in prepared ? place(commands, prepared) : prepared;
}

type Requestable = Extract<Execution.State, { request: unknown }>['status'];

const statusUnlessRetryable: Readonly<Record<Requestable, PublicStatus | undefined>> = {
  pending: 'PENDING',
  processing: 'PROCESSING',
  delivered: 'PROCESSING',
  awaitingWebhook: 'AWAITING_WEBHOOK',
  completed: 'COMPLETED',
  failed: undefined,
  cancelled: undefined,
  expired: undefined,
};

const notRetryable = (status: PublicStatus): Refusal =>
  new Refusal('CONFLICT', `Only what ended without a result is retried: it is ${status}.`, [
    { field: 'status', code: status, message: 'is not FAILED, EXPIRED or CANCELLED' },
  ]);

const inputGone = (): Refusal =>
  new Refusal('CONFLICT', 'The input of the execution was erased: submit it anew.', [
    { field: 'input', code: 'input_erased', message: 'is not stored any more' },
  ]);

/** As its caller had submitted it; undefined where the input is gone. */
async function bodyOf(
  { payloads }: Commands,
  requested: Requested,
): Promise<SubmitBody | undefined> {
  const { model, input, metadata, webhookUrl, webhookEvents, fallbackModels, require } = requested;
  const bytes = await payloads.get(input);
  if (!bytes) return undefined;
  const lifetimeMs = Date.parse(requested.expiresAt) - Date.parse(requested.at);
  return {
    model,
    input: JSON.parse(bytes.toString()) as SubmitBody['input'],
    metadata,
    expires_in: Math.round(lifetimeMs / 1000),
    ...(webhookUrl !== undefined && { webhook_url: webhookUrl }),
    ...(webhookEvents && { webhook_events: webhookEvents as readonly WebhookEventType[] }),
    ...(fallbackModels && { fallback_models: fallbackModels }),
    ...(require && { require }),
  };
}
