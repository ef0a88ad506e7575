/** A success made ready to record: its cost at the accepted prices, its output as a payload. */
import type * as Execution from '../../domain/execution/execution.js';
import { modelTried } from '../../domain/execution/model-tried.js';
import { boundedUsage, costAt, costOf } from '../../domain/pricing/pricing.js';
import type { Payload } from '../../infra/event-store/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { ProviderResult } from '../../providers/port.js';
import { storePayload } from '../../command-handling/store-payload.js';
import type { ClaimedAttempt } from './claimed-attempt.js';
import { outputAtOnce } from './output-at-once.js';

type Succeeded = Extract<ProviderResult, { kind: 'succeeded' }>;

/** What has files is recorded as delivered and re-hosted first; all else is complete at once. */
export async function successOf(
  infra: Infra,
  { claimed, route }: ClaimedAttempt,
  { output, usage: told }: Succeeded,
  at: string,
): Promise<{ command: Execution.Command; payload: Payload | undefined }> {
  const { request, current } = claimed.state;
  const { attempt } = current;
  const { executionId, organizationId, catalogueVersion } = request;
  const model = modelTried(request, current);
  const promised = await infra.prices.promised(catalogueVersion, model);
  const usage = boundedUsage(told);
  const cost = costAt(promised?.routes ?? [route], route, usage);
  const prices = { cost, providerCost: costOf(route.cost, usage) };
  const made = outputAtOnce(output, usage);
  if ('delivered' in made) {
    const about = `${executionId}/raw/${attempt}`;
    const { ref, inline } = await storePayload(infra, about, organizationId, made.delivered);
    const success = { output: ref, usage, ...prices };
    return { command: { type: 'RecordSuccess', attempt, success, at }, payload: inline };
  }
  const about = `${executionId}/output/${attempt}`;
  const { ref, inline } = await storePayload(infra, about, organizationId, made.body);
  const success = { output: ref, usage, ...prices };
  const completion = { output: ref, files: [], summary: made.summary, success };
  return { command: { type: 'Complete', attempt, completion, at }, payload: inline };
}
