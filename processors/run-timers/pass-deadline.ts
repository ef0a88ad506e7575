/** An attempt whose deadline passed without an outcome: what came of it is unknown. */
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { ExecutionId } from '../../contracts/ids.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { Infra } from '../../runtime/infra.js';
import { callsBack } from '../run-execution/callback-url.js';

/**
 * A call that is still open then was made by a process that did not live to record its end; it may
 * be taken over before its deadline. A job that a provider accepted, or of which it may call
 * back, always has until then.
 */
export async function passDeadline(
  infra: Infra,
  { executionId, attempt }: { readonly executionId: ExecutionId; readonly attempt: number },
  metadata: CommandMetadata,
): Promise<string> {
  const { executions, catalogue, now } = infra;
  const { models, providers } = catalogue.current();
  const at = new Date(now()).toISOString();
  const command = (state: Execution.State): Execution.Command | undefined => {
    if (state.status !== 'processing' && state.status !== 'awaitingWebhook') return undefined;
    if (at < state.current.deadline && mayStillAnswer(infra, state)) return undefined;
    const repeatable = providers.get(state.current.provider)?.honoursIdempotencyKey ?? false;
    const attemptsMax = models.get(state.request.model)?.attemptsMax ?? 1;
    const reason = 'the deadline passed without an outcome';
    return { type: 'RecordUnknown', attempt, reason, repeatable, attemptsMax, at };
  };
  const result = await executions.transact(executionId, command, metadata);
  return result.outcome === 'rejected' ? result.reason : result.outcome;
}

/** A job that was accepted, or may have been: its provider calls back, though its id is lost. */
function mayStillAnswer(infra: Infra, { status, current }: InFlight): boolean {
  if (status === 'awaitingWebhook') return true;
  const provider = infra.catalogue.current().providers.get(current.provider);
  return provider !== undefined && !provider.honoursIdempotencyKey && callsBack(infra, provider);
}

type InFlight = Extract<Execution.State, { status: 'processing' | 'awaitingWebhook' }>;
