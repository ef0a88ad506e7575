/**
 * An execution as its owner sees it: a pure fold of its stream, shared by the read model, by reads
 * that are newer than the read model, and by webhook bodies. No provider shows in it.
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ExecutionEvent, Modality, PayloadRef } from '../../contracts/events/execution.js';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { ApiKeyId, ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { formatMoney, type Micros } from '../../contracts/money.js';

export type PublicStatus =
  'PENDING' | 'PROCESSING' | 'AWAITING_WEBHOOK' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'EXPIRED';

export interface ExecutionView {
  readonly id: ExecutionId;
  readonly organizationId: OrganizationId;
  readonly apiKeyId: ApiKeyId;
  readonly model: string;
  readonly modality: Modality;
  readonly status: PublicStatus;
  readonly estimatedCost: Micros;
  readonly holdAmount: Micros;
  readonly cost?: Micros;
  readonly latencyMs?: number;
  readonly createdAt: Timestamp;
  readonly expiresAt: Timestamp;
  /** First dispatch. */
  readonly startedAt?: Timestamp;
  /** When the terminal state was reached, whichever it is. */
  readonly completedAt?: Timestamp;
  readonly metadata: Readonly<Record<string, string>>;
  readonly summary?: Readonly<Record<string, unknown>>;
  readonly output?: PayloadRef;
  readonly error?: { readonly code: CanonicalCode; readonly message: string; retryable: boolean };
}

/** Undefined before the request (an abandoned execution is nobody's). */
export function foldExecution(
  view: ExecutionView | undefined,
  event: { type: ExecutionEvent['type']; data: ExecutionEvent['data'] },
): ExecutionView | undefined {
  const { type, data } = event as ExecutionEvent;
  if (type === 'ExecutionRequested') return requested(data);
  if (!view || isOver(view.status)) return view;
  switch (type) {
    case 'ProviderDispatched':
      return { ...view, status: 'PROCESSING', startedAt: view.startedAt ?? data.at };
    case 'ProviderAccepted':
      return { ...view, status: 'AWAITING_WEBHOOK' };
    case 'ProviderSucceeded':
      return { ...view, status: 'PROCESSING' };
    case 'ProviderFailed':
    case 'ProviderOutcomeUnknown':
      return { ...view, status: 'PENDING' };
    case 'ExecutionCompleted': {
      const { cost, latencyMs, summary, output, at } = data;
      return { ...view, status: 'COMPLETED', cost, latencyMs, summary, output, completedAt: at };
    }
    case 'ExecutionFailed': {
      const { code, message, retryable, at } = data;
      return { ...view, status: 'FAILED', error: { code, message, retryable }, completedAt: at };
    }
    case 'ExecutionCancelled':
      return { ...view, status: 'CANCELLED', completedAt: data.at };
    case 'ExecutionExpired':
      return { ...view, status: 'EXPIRED', completedAt: data.at };
    case 'ExecutionAbandoned':
      return view;
  }
}

export const isOver = (status: PublicStatus): boolean =>
  status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED' || status === 'EXPIRED';

function requested(data: Extract<ExecutionEvent, { type: 'ExecutionRequested' }>['data']) {
  const view: ExecutionView = {
    id: data.executionId,
    organizationId: data.organizationId,
    apiKeyId: data.apiKeyId,
    model: data.model,
    modality: data.modality,
    status: 'PENDING',
    estimatedCost: data.estimatedCost,
    holdAmount: data.holdAmount,
    createdAt: data.at,
    expiresAt: data.expiresAt,
    metadata: data.metadata,
  };
  return view;
}

/** The body of the 202: what stands from the first moment and never changes. */
export const acceptedBody = (view: ExecutionView) => ({
  id: view.id,
  status: 'PENDING',
  model: view.model,
  estimated_cost: formatMoney(view.estimatedCost),
  hold_amount: formatMoney(view.holdAmount),
  expires_at: view.expiresAt,
  created_at: view.createdAt,
  metadata: view.metadata,
});

/** The body of `GET /v1/executions/{id}`, and `data` in webhooks. */
export const executionBody = (view: ExecutionView) => ({
  id: view.id,
  status: view.status,
  model: view.model,
  estimated_cost: formatMoney(view.estimatedCost),
  hold_amount: formatMoney(view.holdAmount),
  cost: view.cost === undefined ? null : formatMoney(view.cost),
  latency_ms: view.latencyMs ?? null,
  created_at: view.createdAt,
  expires_at: view.expiresAt,
  started_at: view.startedAt ?? null,
  completed_at: view.completedAt ?? null,
  metadata: view.metadata,
  ...(view.summary && { result: view.summary }),
  ...(view.error && { error: view.error }),
});
