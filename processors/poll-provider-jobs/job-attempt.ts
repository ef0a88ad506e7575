/** The attempt whose provider answers later, as its route and its provider are now. */
import type { Loaded } from '../../command-handling/repository.js';
import type * as Execution from '../../domain/execution/execution.js';
import { modelTried } from '../../domain/execution/model-tried.js';
import { endingOf } from '../../domain/routing/health.js';
import { withAccount } from '../../domain/routing/provider-account.js';
import type { ProviderResult } from '../../providers/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { AcceptedJobs } from '../run-execution/accepted-jobs.js';
import type { ClaimedAttempt } from '../run-execution/claimed-attempt.js';
import { recordOutcome } from '../run-execution/record-outcome.js';

type InFlight = Extract<Execution.State, { status: 'processing' | 'awaitingWebhook' }>;

/** Undefined when the catalogue has lost the route since. */
export function jobAttemptOf<S extends InFlight>(
  infra: Pick<Infra, 'catalogue'>,
  claimed: Loaded<S>,
): (ClaimedAttempt & { readonly claimed: Loaded<S> }) | undefined {
  const { request, current } = claimed.state;
  const { models, providers } = infra.catalogue.current();
  const model = models.get(modelTried(request, current));
  const route = model?.routes.find(({ name }) => name === current.route);
  const provider = providers.get(current.provider);
  if (!model || !route || !provider) return undefined;
  return { claimed, model, route, provider: withAccount(provider, current.account) };
}

/** Records what became of the job, and gives back its slot; a word for what was recorded. */
export async function endJob(
  infra: Infra,
  jobs: AcceptedJobs,
  processor: string,
  attempt: ClaimedAttempt,
  outcome: ProviderResult,
  signal: AbortSignal,
): Promise<string> {
  const { request, current } = attempt.claimed.state;
  const { executionId } = request;
  const { kind } = outcome;
  const provider = attempt.provider.slug;
  const recorded = await recordOutcome(infra, processor, attempt, outcome, signal);
  const retryAfterMs = kind === 'failed' ? outcome.retryAfterMs : undefined;
  jobs.end(executionId, current.attempt, endingOf(outcome), retryAfterMs);
  const ms = infra.now() - Date.parse(current.dispatchedAt);
  infra.metrics.attemptSeconds.observe({ provider, outcome: kind }, ms / 1000);
  const detail = 'detail' in outcome && { detail: outcome.detail };
  const { attempt: n, dispatchKey } = current;
  const fields = { executionId, attempt: n, provider, dispatchKey };
  infra.log.debug({ ...fields, outcome: kind, ...detail, recorded, ms }, 'job');
  return recorded;
}
