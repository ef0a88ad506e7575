/**
 * What every submission goes through, whoever brings it: a call, an item of a batch, a retry. It is
 * looked for under its key, checked against catalogue and files, priced, and placed.
 */
import { randomUUID } from 'node:crypto';
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import type { SubmitBody } from '../../contracts/http/post-executions.js';
import {
  executionIdOf,
  payloadRefOf,
  type BatchId,
  type ExecutionId,
} from '../../contracts/ids.js';
import type { Writable } from '../../contracts/writable.js';
import { acceptedBody } from '../../domain/execution/view.js';
import { holdFor } from '../../domain/pricing/pricing.js';
import { Refusal, type ApiRequest, type Caller, type Reply } from '../../http/server/route.js';
import { canonicalJson, sha256Hex } from '../../domain/canonical-json.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../../infra/payloads/port.js';
import { timestampOf } from '../../infra/timestamp.js';
import type { Tracing } from '../../infra/tracing/port.js';
import { vetUrl } from '../../http/client/vet-url.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { permitModels, requiredOf } from './bound-by-key.js';
import { inputFiles, secondsOfFiles } from './input-files.js';
import { invalidField, refused } from '../refusals.js';
import { modelsAsked, type ModelsAsked } from './models-asked.js';
import { findSeen, submit, type Requested, type Submission } from './submit.js';

export interface Asking {
  readonly request: ApiRequest;
  readonly caller: Caller;
  readonly body: SubmitBody;
  /** The caller's idempotency key. */
  readonly key: string;
  readonly retryOf?: ExecutionId;
  readonly batchId?: BatchId;
  /** What a repeat must agree with, where it is not the digest of the body. */
  readonly bodyHash?: string;
}

/** Checked and priced, at the revision where it would be written. */
export interface Prepared {
  readonly submission: Submission;
  readonly generation: number;
}

/** What it is answered instead, or what is to be placed. Throws a `Refusal` as well. */
export async function prepare(
  commands: Commands,
  asking: Asking,
): Promise<Prepared | Reply | Refusal> {
  permitModels(asking.caller, asking.body);
  const input = canonicalJson(asking.body.input);
  const bodyHash = asking.bodyHash ?? sha256Hex(canonicalBody(asking.body, input));
  const executionId = executionIdOf(asking.caller.organizationId, asking.key);
  const found = await findSeen(commands, executionId);
  if (found.requested) return repeated(found.requested, bodyHash);
  const assessed = await assess(commands, asking.caller, asking.body);
  if (assessed instanceof Refusal) return assessed;
  const submission = submissionOf(commands, asking, { executionId, input, bodyHash }, assessed);
  return { submission, generation: found.generation };
}

/** Holds the money and requests the execution: one span of its request's trace. */
export function place(commands: Commands, prepared: Prepared): Promise<Reply | Refusal> {
  const { tracing } = commands;
  return tracing ? tracedPlace(commands, prepared, tracing) : placed(commands, prepared);
}

async function tracedPlace(
  commands: Commands,
  prepared: Prepared,
  tracing: Tracing,
): Promise<Reply | Refusal> {
  const { request, metadata } = prepared.submission;
  const span = tracing.begin('hold and append', { parent: metadata.traceparent });
  try {
    return await placed(commands, prepared);
  } finally {
    span.end({ 'modelroute.execution_id': request.executionId });
  }
}

async function placed(
  commands: Commands,
  { submission, generation }: Prepared,
): Promise<Reply | Refusal> {
  const submitted = await submit(commands, submission, generation);
  switch (submitted.outcome) {
    case 'accepted':
      return accepted(submitted.requested);
    case 'existing':
      return repeated(submitted.requested, submission.request.bodyHash);
    case 'rejected':
      return refused(submitted.reason);
  }
}

export interface Assessed {
  readonly chosen: ModelsAsked;
  readonly files: ReturnType<typeof inputFiles>;
  /** What is required of where it is worked on, by whoever requires it. */
  readonly require: Promises | undefined;
  /** Of the sounds that the input names. */
  readonly seconds: number;
}

/** Whether it can be done, by which models and at what price at most. Throws a `Refusal` too. */
export async function assess(
  commands: Pick<Commands, 'catalogue' | 'fileRecords'>,
  caller: Caller,
  body: SubmitBody,
): Promise<Assessed | Refusal> {
  const catalogue = commands.catalogue.current();
  const require = requiredOf(caller, body.require);
  const chosen = modelsAsked(catalogue, body, require);
  const files = inputFiles(chosen, body.input);
  const seconds = files.length === 0 ? 0 : await secondsOfFiles(commands, caller, files);
  if (typeof seconds !== 'number') return seconds;
  const isHeard = chosen.model.modality === 'transcription' && seconds > 0;
  const heard = isHeard ? modelsAsked(catalogue, body, require, seconds) : chosen;
  return { chosen: heard, files, require, seconds: isHeard ? seconds : 0 };
}

/** As it was answered the first time, or that the key is another request's. */
export const repeated = (requested: Requested, bodyHash: string): Reply | Refusal =>
  requested.bodyHash === bodyHash ? accepted(requested, true) : new Refusal('IDEMPOTENCY_MISMATCH');

interface Asked {
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
export function submissionOf(
  commands: Commands,
  { body, caller, key, request, retryOf, batchId }: Asking,
  { executionId, input, bodyHash }: Asked,
  { chosen, files, require }: Assessed,
): Submission {
  const { model, fallbacks, catalogueVersion, estimated, usage } = chosen;
  const webhookUrl = webhookUrlOf(commands, body);
  const inputBytes = Buffer.from(input);
  const sha256 = sha256Hex(inputBytes);
  const acceptedAtMs = commands.now();
  const lifetimeMs = (body.expires_in ?? model.expiresInSeconds) * 1000;
  const requested: Writable<Submission['request']> = {
    executionId,
    organizationId: caller.organizationId,
    at: timestampOf(acceptedAtMs),
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
    metadata: body.metadata ?? {},
    estimatedCost: estimated,
    holdAmount: holdFor(estimated),
    expiresAt: new Date(acceptedAtMs + lifetimeMs).toISOString(),
    catalogueVersion,
    estimatedUsage: usage,
  };
  if (files.length > 0) requested.files = [...new Set(files.map(({ id }) => id))];
  if (webhookUrl !== undefined) requested.webhookUrl = webhookUrl;
  if (body.webhook_events?.length) requested.webhookEvents = body.webhook_events;
  if (fallbacks.length > 0) requested.fallbackModels = fallbacks.map(({ slug }) => slug);
  if (require) requested.require = require;
  if (retryOf) requested.retryOf = retryOf;
  if (batchId) requested.batchId = batchId;
  return {
    request: requested,
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

/** RFC 8288: what there is about an execution, and how it is called off (by POST). */
const linksTo = (location: string): string =>
  `<${location}>; rel="status", <${location}/result>; rel="result", ` +
  `<${location}/events>; rel="events", <${location}/cancel>; rel="cancel"`;

/** The body of the 202 follows from the request alone, so a repeat reads the same words. */
function accepted(requested: Requested, replayed = false): Reply {
  const location = `/v1/executions/${requested.executionId}`;
  const headers = { location, link: linksTo(location) };
  return {
    status: 202,
    headers: replayed ? { ...headers, 'idempotency-replayed': 'true' } : headers,
    body: acceptedBody(requested),
    logFields: { executionId: requested.executionId },
  };
}
