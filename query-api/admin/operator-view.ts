/** An execution as operators see it, from its streams alone: admin API and command line. */
import type { AttemptEvent } from '../../contracts/events/attempt.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type {
  ExecutionCompleted,
  ExecutionEvent,
  ExecutionRequested,
} from '../../contracts/events/execution.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import { chargeOf, ratedCostOf } from '../../domain/execution/charge.js';
import { foldExecution, type ExecutionView } from '../../domain/execution/view.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { before, type Cut } from '../as-of/cut.js';
import { attemptBody, attemptsOf, mayHaveCostMore } from './provider-attempts.js';

export type Fact = RecordedEvent<ExecutionEvent>;

interface Reading {
  readonly facts: readonly Fact[];
  readonly beside: readonly AttemptEvent[];
}

/** Its stream, and those of its attempts: all there is, or what was before a cut. */
export async function readOperatorFacts(
  store: Pick<EventStore, 'readStream'>,
  id: ExecutionId,
  cut?: Cut,
): Promise<Reading> {
  const all = (await store.readStream(streamOf('execution', id))) as readonly Fact[];
  const facts = cut ? before(cut, all) : all;
  const attempts = facts.flatMap(({ type, data }) =>
    type === 'ProviderDispatched' ? [streamOf('attempt', `${id}.${data.attempt}`)] : [],
  );
  const streams = await Promise.all(attempts.map((stream) => store.readStream(stream)));
  const beside = streams.flatMap((stream) => (cut ? before(cut, stream) : stream));
  return { facts, beside: beside as unknown as readonly AttemptEvent[] };
}

/** Undefined when the stream is empty, or was abandoned before it was accepted. */
export function operatorView(facts: readonly Fact[], beside: readonly AttemptEvent[]) {
  let view: ExecutionView | undefined;
  for (const fact of facts) view = foldExecution(view, fact);
  const requested = facts.find(({ type }) => type === 'ExecutionRequested');
  if (!view || !requested) return undefined;
  const { data } = requested as RecordedEvent<ExecutionRequested>;
  const attempts = attemptsOf(facts, beside);
  const body = {
    execution: view.body,
    organization_id: data.organizationId,
    api_key_id: data.apiKeyId,
    idempotency_key: data.idempotencyKey,
    hold_id: data.holdId,
    webhook_url: data.webhookUrl ?? null,
    catalogue_version: data.catalogueVersion,
    overrun: overrunIn(facts, data.holdAmount),
    may_have_cost_more: formatMoney(mayHaveCostMore(attempts)),
    attempts: attempts.map(attemptBody),
    events: facts.map(factBody),
  };
  return { request: data, body };
}

/** What its price is beyond the hold; null while it is not completed. */
function overrunIn(facts: readonly Fact[], holdAmount: Micros): string | null {
  const completed = facts.find(({ type }) => type === 'ExecutionCompleted');
  if (!completed) return null;
  const { data } = completed as RecordedEvent<ExecutionCompleted>;
  return formatMoney(ratedCostOf(data) - chargeOf(data, holdAmount).cost);
}

const factBody = ({ revision, position, type, data, metadata }: Fact) => ({
  revision,
  position: `${position}`,
  type,
  at: data.at,
  actor: metadata.actor,
});
