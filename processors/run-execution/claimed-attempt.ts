/** An attempt that this execution claimed and whose outcome is not recorded yet. */
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { Loaded } from '../../command-handling/repository.js';
import type * as Execution from '../../domain/execution/execution.js';

export interface ClaimedAttempt {
  readonly claimed: Loaded<InFlight>;
  readonly model: Model;
  readonly route: Route;
  readonly provider: Provider;
}

type InFlight = Extract<Execution.State, { status: 'processing' | 'awaitingWebhook' }>;
