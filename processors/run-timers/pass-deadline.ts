/** An attempt whose deadline passed without an outcome: what came of it is unknown. */
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { ExecutionId } from '../../contracts/ids.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { Infra } from '../../runtime/infra.js';
import { mayCallBack } from '../run-execution/callback-url.js';
import { countUnknown, unknownOutcome } from '../run-execution/unknown-outcome.js';

type InFlight = Extract<Execution.State, { status: 'processing' | 'awaitingWebhook' }>;

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
  const { executions, now } = infra;
  const at = new Date(now()).toISOString();
  const { state: before } = await executions.load(executionId);
  if (!isInFlight(before)) return `already_${before.status}`;
  const unknown = await unknownOutcome(infra, before, 'the deadline passed without an outcome');
  const command = (state: Execution.State): Execution.Command | undefined => {
    if (!isInFlight(state) || state.current.attempt !== before.current.attempt) return undefined;
    if (Date.parse(at) < dueMsOf(infra, state)) return undefined;
    return { type: 'RecordUnknown', attempt, ...unknown, at };
  };
  const result = await executions.transact(executionId, command, metadata);
  const { provider } = before.current;
  if (result.outcome === 'accepted') countUnknown(infra, provider, unknown.mayHaveCost);
  return result.outcome === 'rejected' ? result.reason : result.outcome;
}

/**
 * Until when an answer is waited for: a job's until the time of its provider is over, also that of
 * one whose acceptance may be lost, since its provider calls back. Any other call is over.
 */
export function dueMsOf(
  infra: Pick<Infra, 'addresses' | 'catalogue' | 'config' | 'providers'>,
  { status, current }: InFlight,
): number {
  const deadlineMs = Date.parse(current.deadline);
  const provider = infra.catalogue.current().providers.get(current.provider);
  if (status === 'processing' && !(provider && mayCallBack(infra, provider))) return -Infinity;
  if (!provider) return deadlineMs;
  return Math.min(deadlineMs, Date.parse(current.dispatchedAt) + provider.timeoutMs);
}

const isInFlight = (state: Execution.State): state is InFlight =>
  state.status === 'processing' || state.status === 'awaitingWebhook';
