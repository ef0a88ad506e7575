/** What stands behind an execution: attempts, providers, routing decisions, the facts. */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionEvent, ExecutionRequested } from '../../contracts/events/execution.js';
import { operatorExecutionSchema } from '../../contracts/http/operator-views.js';
import { isId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { executionBody, foldExecution, type ExecutionView } from '../../domain/execution/view.js';
import { Refusal, type Route } from '../../infra/http/route.js';
import { attemptBody, attemptsOf } from '../attempts.js';
import type { QueryInfra } from '../query-infra.js';

type Fact = RecordedEvent<ExecutionEvent>;

export const getOperatorExecution = ({ store }: Pick<QueryInfra, 'store'>): Route => ({
  method: 'GET',
  path: '/executions/{id}',
  summary: "Read an execution with its providers' side",
  tag: 'Executions',
  audience: 'operator',
  replySchemas: { 200: operatorExecutionSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }) {
    const { id = '' } = params;
    if (!isId('exec', id)) return new Refusal('NOT_FOUND');
    const facts = (await store.readStream(streamOf('execution', id))) as readonly Fact[];
    const requested = facts.find(({ type }) => type === 'ExecutionRequested');
    let view: ExecutionView | undefined;
    for (const fact of facts) view = foldExecution(view, fact);
    if (!view || !requested) return new Refusal('NOT_FOUND');
    const { data } = requested as RecordedEvent<ExecutionRequested>;
    const body = {
      execution: executionBody(view),
      organization_id: data.organizationId,
      api_key_id: data.apiKeyId,
      idempotency_key: data.idempotencyKey,
      hold_id: data.holdId,
      webhook_url: data.webhookUrl ?? null,
      catalogue_version: data.catalogueVersion,
      attempts: attemptsOf(facts).map(attemptBody),
      events: facts.map(factBody),
    };
    return { status: 200, body };
  },
});

const factBody = ({ revision, position, type, data, metadata }: Fact) => ({
  revision,
  position: `${position}`,
  type,
  at: data.at,
  actor: metadata.actor,
});
