/**
 * Executions in the feed. `data` has the fields of `GET /v1/executions/{id}` that the event sets:
 * those of all events of one execution, each laid over the ones before, are its status, times, cost
 * and error as that route shows them. Input and output are digests.
 */
import type { ErasureEvent } from '../../contracts/events/erasure.js';
import type {
  ExecutionEvent,
  ExecutionFact,
  ExecutionFailed,
  ExecutionRequested,
  OutputFile,
  PayloadRef,
  Usage,
} from '../../contracts/events/execution.js';
import { formatMoney } from '../../contracts/money.js';
import type { PublicStatus } from '../execution/view.js';
import { actorData, type FeedData, type FeedMapping, type FeedContent } from './feed-content.js';

export const executionEvents: FeedMapping<ExecutionEvent> = {
  ExecutionRequested: ({ data, metadata: { ip } }) => ({
    type: 'execution.accepted',
    subject: data.executionId,
    data: acceptedData(data, ip),
  }),
  ProviderDispatched: ({ data }) => {
    const { executionId: id, model: model_used } = data;
    if (data.attempt > 1) return statusChanged(data, 'PROCESSING', model_used);
    const started = { id, status: 'PROCESSING', started_at: data.at, model_used };
    return { type: 'execution.started', subject: id, data: started };
  },
  ProviderAccepted: ({ data }) => statusChanged(data, 'AWAITING_WEBHOOK'),
  ProviderSucceeded: ({ data }) => statusChanged(data, 'PROCESSING'),
  ProviderFailed: ({ data }) => statusChanged(data, 'PENDING'),
  ProviderOutcomeUnknown: ({ data }) => statusChanged(data, 'PENDING'),
  ExecutionCompleted: ({ data }) => ({
    type: 'execution.completed',
    subject: data.executionId,
    data: {
      id: data.executionId,
      status: 'COMPLETED',
      cost: formatMoney(data.cost),
      latency_ms: data.latencyMs,
      completed_at: data.at,
      output: digestOf(data.output),
      files: data.files.map(fileData),
      usage: usageData(data.usage),
    },
  }),
  ExecutionFailed: ({ data }) => ({
    type: 'execution.failed',
    subject: data.executionId,
    data: { ...endedData(data, 'FAILED'), error: errorData(data) },
  }),
  ExecutionCancelled: (event) => ({
    type: 'execution.cancelled',
    subject: event.data.executionId,
    data: { ...endedData(event.data, 'CANCELLED'), ...actorData(event) },
  }),
  ExecutionExpired: ({ data }) => ({
    type: 'execution.expired',
    subject: data.executionId,
    data: endedData(data, 'EXPIRED'),
  }),
  ExecutionAbandoned: ({ data }) => ({
    type: 'execution.abandoned',
    subject: data.executionId,
    data: { id: data.executionId, hold_id: data.holdId },
  }),
};

/** `cause`: somebody asked for it, or the time for which payloads are kept was up. */
export const erasureEvents: FeedMapping<ErasureEvent> = {
  PayloadsErased: (event) => {
    const { executionId: id, cause, files, at } = event.data;
    const data = { id, payloads_erased_at: at, cause, files, ...actorData(event) };
    return { type: 'execution.payloads_erased', subject: id, data };
  },
};

const acceptedData = (data: ExecutionRequested['data'], ip: string | undefined): FeedData => ({
  id: data.executionId,
  status: 'PENDING',
  model: data.model,
  fallback_models: data.fallbackModels,
  estimated_cost: formatMoney(data.estimatedCost),
  hold_amount: formatMoney(data.holdAmount),
  hold_id: data.holdId,
  cost: null,
  latency_ms: null,
  created_at: data.at,
  expires_at: data.expiresAt,
  started_at: null,
  completed_at: null,
  metadata: data.metadata,
  retry_of: data.retryOf,
  batch_id: data.batchId,
  require: data.require,
  api_key_id: data.apiKeyId,
  idempotency_key: data.idempotencyKey,
  input: digestOf(data.input),
  input_files: data.files,
  ip,
});

/** What it is from then on; a status that ends an execution is not changed by a later event. */
const statusChanged = (
  { executionId }: ExecutionFact,
  status: PublicStatus,
  modelUsed?: string,
): FeedContent => ({
  type: 'execution.status_changed',
  subject: executionId,
  data: { id: executionId, status, model_used: modelUsed },
});

const endedData = ({ executionId, at }: ExecutionFact, status: PublicStatus): FeedData => ({
  id: executionId,
  status,
  completed_at: at,
});

const errorData = (data: ExecutionFailed['data']): FeedData => ({
  code: data.code,
  message: data.message,
  retryable: data.retryable,
  retry_after: data.retryAfterSeconds,
  details: data.details,
});

const digestOf = ({ sha256, bytes }: PayloadRef): FeedData => ({ sha256, bytes });

const fileData = (file: OutputFile): FeedData => ({
  file_id: file.fileId,
  content_type: file.contentType,
  size_bytes: file.sizeBytes,
  sha256: file.sha256,
});

const usageData = (usage: Usage): FeedData => ({
  input_tokens: usage.inputTokens,
  cached_input_tokens: usage.cachedInputTokens,
  output_tokens: usage.outputTokens,
  reasoning_tokens: usage.reasoningTokens,
  images: usage.images,
  pixels: usage.pixels,
  seconds: usage.seconds,
  characters: usage.characters,
});
