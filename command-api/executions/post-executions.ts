/** Submits an execution: `202` at once with its id and the money that is held for it. */
import { randomUUID } from 'node:crypto';
import { acceptedSchema } from '../../contracts/http/execution.js';
import { submitSchema, type SubmitBody } from '../../contracts/http/post-executions.js';
import { executionIdOf, payloadRefOf, type ExecutionId } from '../../contracts/ids.js';
import { acceptedBody, foldExecution } from '../../domain/execution/view.js';
import { holdFor } from '../../domain/pricing/pricing.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import { canonicalJson, sha256Hex } from '../../http/server/json/canonical.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../../infra/payloads/port.js';
import { vetUrl } from '../../http/client/vet-url.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { inputFiles, secondsOfFiles } from './input-files.js';
import { requireIdempotencyKey } from './idempotency-key.js';
import { invalidField, refused } from '../refusals.js';
import { modelsAsked, type ModelsAsked } from './models-asked.js';
import { findSeen, submit, type Requested, type Submission } from './submit.js';

export const postExecutions = (commands: Commands): Route => ({
  method: 'POST',
  path: '/executions',
  summary: 'Submit an execution',
  description:
    'Runs a model on an input. Answers at once; the outcome is told by webhook or by polling. ' +
    'A repeat with the same idempotency key and body gets the original answer again, with ' +
    '`Idempotency-Replayed: true`, and never runs or costs anything a second time.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:write',
  bodySchema: submitSchema,
  headers: {
    'Idempotency-Key':
      'Names the request within your organization; or `idempotency_key` in the body.',
  },
  replySchemas: { 202: acceptedSchema },
  refusals: [
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
  const body = request.body as SubmitBody;
  const key = requireIdempotencyKey(request, body.idempotency_key);
  const executionId = executionIdOf(caller.organizationId, key);
  const input = canonicalJson(body.input);
  const bodyHash = sha256Hex(canonicalBody(body, input));
  const found = await findSeen(commands, executionId);
  if (found.requested) return repeated(found.requested, bodyHash);

  const asked = { commands, request, caller, body, key, executionId, input, bodyHash };
  const catalogue = commands.catalogue.current();
  const chosen = modelsAsked(catalogue, body, body.require);
  const files = inputFiles(chosen, body.input);
  const seconds = files.length === 0 ? 0 : await secondsOfFiles(commands, caller, files);
  if (typeof seconds !== 'number') return seconds;
  const isHeard = chosen.model.modality === 'transcription' && seconds > 0;
  const heard = isHeard ? modelsAsked(catalogue, body, body.require, seconds) : chosen;
  const submission = submissionOf(asked, heard, files);
  const submitted = await submit(commands, submission, found.generation);
  switch (submitted.outcome) {
    case 'accepted':
      return accepted(submitted.requested);
    case 'existing':
      return repeated(submitted.requested, bodyHash);
    case 'rejected':
      return refused(submitted.reason);
  }
}

interface Asked {
  readonly commands: Commands;
  readonly request: ApiRequest;
  readonly caller: Caller;
  readonly body: SubmitBody;
  readonly key: string;
  readonly executionId: ExecutionId;
  /** Canonical JSON. */
  readonly input: string;
  readonly bodyHash: string;
}

/**
 * Canonical JSON of the body without its idempotency key, around the input's canonical text. The
 * fields stand in canonical order; the schema lets no others through.
 */
function canonicalBody(body: SubmitBody, input: string): string {
  const { expires_in: expiresIn, fallback_models: fallbacks, metadata, require } = body;
  const { webhook_url: webhookUrl, webhook_events: told } = body;
  const before = expiresIn === undefined ? '' : `"expires_in":${canonicalJson(expiresIn)},`;
  const others = fallbacks === undefined ? '' : `"fallback_models":${JSON.stringify(fallbacks)},`;
  const between = metadata === undefined ? '' : `,"metadata":${canonicalJson(metadata)}`;
  const required = require === undefined ? '' : `,"require":${canonicalJson(require)}`;
  const events = told === undefined ? '' : `,"webhook_events":${JSON.stringify(told)}`;
  const after = webhookUrl === undefined ? '' : `,"webhook_url":${JSON.stringify(webhookUrl)}`;
  const model = `"model":${JSON.stringify(body.model)}`;
  return `{${before}${others}"input":${input}${between},${model}${required}${events}${after}}`;
}

/** Throws a `Refusal` for a webhook's URL that we do not call. */
function submissionOf(
  asked: Asked,
  chosen: ModelsAsked,
  files: ReturnType<typeof inputFiles>,
): Submission {
  const { commands, body, caller, executionId, key, bodyHash, request } = asked;
  const { model, fallbacks, catalogueVersion, estimated, usage } = chosen;
  const webhookUrl = webhookUrlOf(commands, body);
  const inputBytes = Buffer.from(asked.input);
  const sha256 = sha256Hex(inputBytes);
  const acceptedAtMs = commands.now();
  const lifetimeMs = (body.expires_in ?? model.expiresInSeconds) * 1000;
  return {
    request: {
      executionId,
      organizationId: caller.organizationId,
      at: new Date(acceptedAtMs).toISOString(),
      apiKeyId: caller.keyId,
      idempotencyKey: key,
      bodyHash,
      model: model.slug,
      modality: model.modality,
      input: {
        ref: payloadRefOf(acceptedAtMs, aboutInput(executionId, inputBytes), sha256),
        sha256,
        bytes: inputBytes.length,
      },
      ...(files.length > 0 && { files: [...new Set(files.map(({ id }) => id))] }),
      metadata: body.metadata ?? {},
      ...(webhookUrl !== undefined && { webhookUrl }),
      ...(body.webhook_events && { webhookEvents: body.webhook_events }),
      estimatedCost: estimated,
      holdAmount: holdFor(estimated),
      expiresAt: new Date(acceptedAtMs + lifetimeMs).toISOString(),
      catalogueVersion,
      ...(fallbacks.length > 0 && { fallbackModels: fallbacks.map(({ slug }) => slug) }),
      ...(body.require && { require: body.require }),
      estimatedUsage: usage,
    },
    inputBytes,
    metadata: metadataOf(request, caller.keyId, executionId),
  };
}

/**
 * A large input is stored before it is known whether the request is accepted. Its ref is of this
 * request alone, so that it can be removed without a look at requests that race under the same key.
 */
const aboutInput = (executionId: ExecutionId, { length }: Buffer): string =>
  length <= SMALL_PAYLOAD_BYTES_MAX
    ? `${executionId}/input`
    : `${executionId}/input/${randomUUID()}`;

function webhookUrlOf(commands: Commands, { webhook_url: text }: SubmitBody): string | undefined {
  if (text === undefined) return undefined;
  const vetted = vetUrl(text, commands.allowedNetworks);
  if (vetted.ok) return text;
  throw invalidField('webhook_url', 'refused', vetted.reason);
}

/** The body of the 202 follows from the request alone, so a repeat reads the same words. */
function accepted(requested: Requested, replayed = false): Reply {
  const view = foldExecution(undefined, { type: 'ExecutionRequested', data: requested });
  if (!view) throw new Error('a requested execution has no view');
  return {
    status: 202,
    headers: {
      location: `/v1/executions/${requested.executionId}`,
      ...(replayed && { 'idempotency-replayed': 'true' }),
    },
    body: acceptedBody(view),
    logFields: { executionId: requested.executionId },
  };
}

const repeated = (requested: Requested, bodyHash: string): Reply | Refusal =>
  requested.bodyHash === bodyHash ? accepted(requested, true) : new Refusal('IDEMPOTENCY_MISMATCH');
