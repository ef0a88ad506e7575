/**
 * An execution as its owner sees it: a pure fold of its stream, shared by the read model, by reads
 * that are newer than the read model, and by webhook bodies. No provider shows in it.
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  ExecutionEvent,
  ExecutionFailed,
  ExecutionRequested,
  PayloadRef,
} from '../../contracts/events/execution.js';
import type { CanonicalCode, ErrorDetail } from '../../contracts/error-codes.js';
import type { ApiKeyId, BatchId, ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { formatMoney, parseMoney, type Micros } from '../../contracts/money.js';
import { chargeOf } from './charge.js';

export type PublicStatus =
  | 'PENDING'
  | 'PROCESSING'
  | 'AWAITING_WEBHOOK'
  | 'COMPLETED'
  | 'FAILED'
  | 'CANCELLED'
  | 'EXPIRED';

export interface ExecutionView {
  readonly organizationId: OrganizationId;
  /** The key that submitted it; absent in rows of releases that did not keep it. */
  readonly apiKeyId?: ApiKeyId;
  readonly body: ExecutionBody;
  /** Where the canonical output is stored, once completed. */
  readonly output?: PayloadRef;
}

/**
 * The body of `GET /v1/executions/{id}`, and `data` in webhooks. The read model stores its JSON
 * text and serves it as it is, so the order of the fields here is the order that callers see.
 */
export interface ExecutionBody {
  readonly id: ExecutionId;
  readonly status: PublicStatus;
  readonly model: string;
  /** Of the newest attempt, where others may stand in for it; null before the first. */
  readonly model_used?: string | null;
  readonly estimated_cost: string;
  readonly hold_amount: string;
  readonly cost: string | null;
  readonly latency_ms: number | null;
  readonly created_at: Timestamp;
  readonly expires_at: Timestamp;
  /** First dispatch. */
  readonly started_at: Timestamp | null;
  /** When the terminal state was reached, whichever it is. */
  readonly completed_at: Timestamp | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** The execution whose input it repeats. */
  readonly retry_of?: ExecutionId;
  /** The batch that it was submitted in. */
  readonly batch_id?: BatchId;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: ExecutionError;
  /** Since then neither its input nor its output is stored. */
  readonly payloads_erased_at?: Timestamp;
}

interface ExecutionError {
  readonly code: CanonicalCode;
  readonly message: string;
  readonly retryable: boolean;
  /** Seconds from the end of the execution. */
  readonly retry_after?: number;
  readonly details?: readonly ErrorDetail[];
}

/** Undefined before the request (an abandoned execution is nobody's). */
export function foldExecution(
  view: ExecutionView | undefined,
  event: { type: ExecutionEvent['type']; data: ExecutionEvent['data'] },
): ExecutionView | undefined {
  const { type, data } = event as ExecutionEvent;
  if (type === 'ExecutionRequested') return requested(data);
  if (!view || isOver(view.body.status)) return view;
  switch (type) {
    case 'ProviderDispatched':
      return changed(view, {
        status: 'PROCESSING',
        started_at: view.body.started_at ?? data.at,
        ...(view.body.model_used !== undefined && { model_used: data.model ?? view.body.model }),
      });
    case 'ProviderAccepted':
      return changed(view, { status: 'AWAITING_WEBHOOK' });
    case 'ProviderSucceeded':
      return changed(view, { status: 'PROCESSING' });
    case 'ProviderFailed':
    case 'ProviderOutcomeUnknown':
      return changed(view, { status: 'PENDING' });
    case 'ExecutionCompleted':
      return {
        ...changed(view, {
          status: 'COMPLETED',
          cost: formatMoney(chargeOf(data, holdOf(view)).cost),
          latency_ms: data.latencyMs,
          completed_at: data.at,
          result: data.summary,
        }),
        output: data.output,
      };
    case 'ExecutionFailed': {
      return changed(view, { status: 'FAILED', completed_at: data.at, error: errorOf(data) });
    }
    case 'ExecutionCancelled':
      return changed(view, { status: 'CANCELLED', completed_at: data.at });
    case 'ExecutionExpired':
      return changed(view, { status: 'EXPIRED', completed_at: data.at });
    case 'ExecutionAbandoned':
      return view;
  }
}

/** Of one that is over: another stream says so, since its own does not change any more. */
export const erasedView = (
  { output: _, ...view }: ExecutionView,
  at: Timestamp,
): ExecutionView => ({
  ...view,
  body: { ...view.body, payloads_erased_at: view.body.payloads_erased_at ?? at },
});

const errorOf = (data: ExecutionFailed['data']): ExecutionError => ({
  code: data.code,
  message: data.message,
  retryable: data.retryable,
  ...(data.retryAfterSeconds !== undefined && { retry_after: data.retryAfterSeconds }),
  ...(data.details && { details: data.details }),
});

const holdOf = ({ body }: ExecutionView): Micros => parseMoney(body.hold_amount) ?? 0n;

export const isOver = (status: PublicStatus): boolean =>
  status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED' || status === 'EXPIRED';

const requested = (data: ExecutionRequested['data']): ExecutionView => ({
  organizationId: data.organizationId,
  apiKeyId: data.apiKeyId,
  body: {
    id: data.executionId,
    status: 'PENDING',
    model: data.model,
    ...(data.fallbackModels && { model_used: null }),
    estimated_cost: formatMoney(data.estimatedCost),
    hold_amount: formatMoney(data.holdAmount),
    cost: null,
    latency_ms: null,
    created_at: data.at,
    expires_at: data.expiresAt,
    started_at: null,
    completed_at: null,
    metadata: data.metadata,
    ...originOf(data),
  },
});

const originOf = ({
  retryOf,
  batchId,
}: Pick<ExecutionRequested['data'], 'retryOf' | 'batchId'>) => ({
  ...(retryOf && { retry_of: retryOf }),
  ...(batchId && { batch_id: batchId }),
});

const changed = (view: ExecutionView, change: Partial<ExecutionBody>): ExecutionView => ({
  ...view,
  body: { ...view.body, ...change },
});

/** The body of the 202: the fields that are known from the first moment and never change. */
export function acceptedBody(data: Omit<ExecutionRequested['data'], 'holdId'>) {
  const body = {
    id: data.executionId,
    status: 'PENDING',
    model: data.model,
    estimated_cost: formatMoney(data.estimatedCost),
    hold_amount: formatMoney(data.holdAmount),
    expires_at: data.expiresAt,
    created_at: data.at,
    metadata: data.metadata,
  };
  return data.retryOf || data.batchId ? { ...body, ...originOf(data) } : body;
}
