/** Once an execution is over, its hold is settled or released. */
import { idOf } from '../../contracts/streams.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { settlementOf } from '../../domain/execution/settlement.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Group } from '../../infra/event-bus/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { CompleteBatches } from '../complete-batches/complete-batches.js';
import { recordSpan } from '../execution-trace.js';
import { metadataOf } from '../command-metadata.js';

/** `batches` learns of each execution of a batch that is over. */
export const settleExecution = (infra: Infra, batches: Pick<CompleteBatches, 'check'>): Group => ({
  name: 'settle-execution',
  categories: ['execution'],
  subscribesTo: ['ExecutionCompleted', 'ExecutionFailed', 'ExecutionCancelled', 'ExecutionExpired'],
  concurrencyMax: 512,
  attemptsMax: 30,
  async handle(notification) {
    const executionId = idOf(notification.stream) as ExecutionId;
    const metadata = metadataOf('settle-execution', executionId, notification);
    const outcome = await settle(infra, executionId, metadata, notification.revision);
    const { state } = await infra.executions.load(executionId, { atLeast: notification.revision });
    const batchId = 'request' in state ? state.request.batchId : undefined;
    if (batchId !== undefined) await batches.check(batchId, metadata);
    return outcome;
  },
});

/** The timer `reconcile-hold` calls it, too, for a hold whose execution is over. */
export async function settle(
  infra: Infra,
  executionId: ExecutionId,
  metadata: CommandMetadata,
  atLeast?: number,
): Promise<string> {
  const { executions, accounts, now } = infra;
  const { state } = await executions.load(executionId, { atLeast });
  const command = settlementOf(state, new Date(now()).toISOString());
  if (!command) return 'not_finished';
  const startMs = Date.now();
  const result = await accounts.submit(command.organizationId, { command, metadata });
  if (result.outcome === 'rejected')
    throw new Error(`the hold of ${executionId} could not be ended: ${result.reason}`);
  const outcome = command.type === 'SettleHold' ? 'settled' : 'released';
  recordSpan(infra, executionId, 'settle', {
    startMs,
    attributes: { 'modelroute.outcome': outcome },
  });
  return outcome;
}
