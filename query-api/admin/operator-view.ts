/** An execution as operators see it, from its stream alone: admin API and command line. */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionEvent, ExecutionRequested } from '../../contracts/events/execution.js';
import { foldExecution, type ExecutionView } from '../../domain/execution/view.js';
import { attemptBody, attemptsOf } from './provider-attempts.js';

export type Fact = RecordedEvent<ExecutionEvent>;

/** Undefined when the stream is empty, or was abandoned before it was accepted. */
export function operatorView(facts: readonly Fact[]) {
  let view: ExecutionView | undefined;
  for (const fact of facts) view = foldExecution(view, fact);
  const requested = facts.find(({ type }) => type === 'ExecutionRequested');
  if (!view || !requested) return undefined;
  const { data } = requested as RecordedEvent<ExecutionRequested>;
  const body = {
    execution: view.body,
    organization_id: data.organizationId,
    api_key_id: data.apiKeyId,
    idempotency_key: data.idempotencyKey,
    hold_id: data.holdId,
    webhook_url: data.webhookUrl ?? null,
    catalogue_version: data.catalogueVersion,
    attempts: attemptsOf(facts).map(attemptBody),
    events: facts.map(factBody),
  };
  return { request: data, body };
}

const factBody = ({ revision, position, type, data, metadata }: Fact) => ({
  revision,
  position: `${position}`,
  type,
  at: data.at,
  actor: metadata.actor,
});
