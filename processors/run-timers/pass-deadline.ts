/** An attempt whose deadline passed without an outcome: what came of it is unknown. */
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { ExecutionId } from '../../contracts/ids.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { Infra } from '../../runtime/infra.js';

/**
 * A call that is still open then was made by a process that did not live to record its end; it may
 * be taken over before its deadline. A job that a provider accepted always has until then.
 */
export async function passDeadline(
  { executions, catalogue, now }: Infra,
  { executionId, attempt }: { readonly executionId: ExecutionId; readonly attempt: number },
  metadata: CommandMetadata,
): Promise<string> {
  const { models, providers } = catalogue.current();
  const at = new Date(now()).toISOString();
  const command = (state: Execution.State): Execution.Command | undefined => {
    if (state.status !== 'processing' && state.status !== 'awaitingWebhook') return undefined;
    if (state.status === 'awaitingWebhook' && at < state.current.deadline) return undefined;
    const repeatable = providers.get(state.current.provider)?.honoursIdempotencyKey ?? false;
    const attemptsMax = models.get(state.request.model)?.attemptsMax ?? 1;
    const reason = 'the deadline passed without an outcome';
    return { type: 'RecordUnknown', attempt, reason, repeatable, attemptsMax, at };
  };
  const result = await executions.transact(executionId, command, metadata);
  return result.outcome === 'rejected' ? result.reason : result.outcome;
}
