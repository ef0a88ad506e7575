/** A provider is told that nobody waits for its job any more. */
import type { Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { ExecutionId } from '../../contracts/ids.js';
import * as Execution from '../../domain/execution/execution.js';
import { modelTried } from '../../domain/execution/model-tried.js';
import { withAccount } from '../../domain/routing/provider-account.js';
import type { Infra } from '../../runtime/infra.js';

interface UnwantedJob {
  readonly executionId: ExecutionId;
  readonly dispatchKey: string;
  readonly provider: Provider;
  readonly route: Pick<Route, 'providerModel'>;
  readonly providerJobId: string;
}

const CANCEL_TIMEOUT_MS = 5_000;

/** In the background and once: it spares work, and nothing depends on it. */
export function cancelProviderJob(infra: Infra, job: UnwantedJob): void {
  const { provider, route, executionId, dispatchKey, providerJobId } = job;
  const adapter = infra.providers.adapter(provider.adapter);
  if (!adapter.cancel) return;
  const fields = { executionId, dispatchKey, provider: provider.slug };
  adapter
    .cancel({
      provider,
      providerModel: route.providerModel,
      providerJobId,
      dispatchKey,
      timeoutMs: CANCEL_TIMEOUT_MS,
      signal: new AbortController().signal,
    })
    .then(
      (isCancelled) => infra.log.debug({ ...fields, isCancelled }, 'job called off'),
      (err: unknown) => infra.log.error({ ...fields, err }, 'an adapter threw'),
    );
}

/** Of an execution that was cancelled or expired while its provider worked on it. */
export function cancelJobOf(infra: Infra, state: Execution.State): string {
  const attempt = Execution.abandonedJob(state);
  if (!attempt || !('request' in state)) return 'no_job';
  const { models, providers } = infra.catalogue.current();
  const { executionId } = state.request;
  const model = models.get(modelTried(state.request, attempt));
  const route = model?.routes.find(({ name }) => name === attempt.route);
  const known = providers.get(attempt.provider);
  if (!route || !known) return 'no_route';
  const provider = withAccount(known, attempt.account);
  const { dispatchKey, job } = attempt;
  const { providerJobId } = job;
  cancelProviderJob(infra, { executionId, dispatchKey, provider, route, providerJobId });
  return 'job_called_off';
}
