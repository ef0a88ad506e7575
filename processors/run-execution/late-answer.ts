/**
 * An answer that comes after its execution was over, or had gone on without it, is recorded for the
 * operator: what it used and what it costs us. Nothing is charged, and no output is kept.
 */
import { attemptIdOf } from '../../domain/attempt/attempt.js';
import type { Attempt, State } from '../../domain/execution/execution.js';
import { boundedUsage, costOf } from '../../domain/pricing/pricing.js';
import type { ProviderResult } from '../../providers/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';

type LateInfra = Pick<Infra, 'attempts' | 'catalogue' | 'log' | 'now'>;
type Request = Extract<State, { status: 'pending' }>['request'];

/** A word: `late`, or that it was recorded before. */
export async function recordLate(
  { attempts, catalogue, log, now }: LateInfra,
  processor: string,
  request: Request,
  { attempt, provider, route: routeName, model, dispatchKey }: Attempt,
  outcome: ProviderResult,
): Promise<string> {
  const { executionId, organizationId } = request;
  const route = catalogue
    .current()
    .models.get(model ?? request.model)
    ?.routes.find(({ name }) => name === routeName);
  const usage = outcome.kind === 'succeeded' ? boundedUsage(outcome.usage) : undefined;
  const data = {
    executionId,
    organizationId,
    attempt,
    provider,
    route: routeName,
    outcome: outcome.kind,
    ...(usage && { usage }),
    ...(usage && route && { providerCost: costOf(route.cost, usage) }),
    ...('detail' in outcome && { detail: outcome.detail }),
    at: new Date(now()).toISOString(),
  };
  const metadata = metadataOf(processor, executionId, dispatchKey);
  const id = attemptIdOf(executionId, attempt);
  const result = await attempts.transact(id, { type: 'RecordLate', data }, metadata);
  log.info({ executionId, attempt, provider, outcome: outcome.kind }, 'an answer came too late');
  return result.outcome === 'accepted' ? 'late' : 'late_again';
}
