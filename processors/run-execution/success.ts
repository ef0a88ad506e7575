/** A success made ready to record: its cost at the accepted prices, its output as a payload. */
import type * as Execution from '../../domain/execution/execution.js';
import { boundedUsage, costAt, costOf } from '../../domain/pricing/pricing.js';
import type { Payload } from '../../infra/event-store/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { ProviderResult } from '../../providers/port.js';
import { storePayload } from '../../command-handling/store-payload.js';
import type { ClaimedAttempt } from './claimed-attempt.js';

type Succeeded = Extract<ProviderResult, { kind: 'succeeded' }>;

/** Text is complete at once; what has files is recorded as delivered and re-hosted first. */
export async function successOf(
  infra: Infra,
  { claimed, route }: ClaimedAttempt,
  { output, usage: told }: Succeeded,
  at: string,
): Promise<{ command: Execution.Command; payload: Payload | undefined }> {
  const { request, current } = claimed.state;
  const { attempt } = current;
  const { executionId, organizationId, catalogueVersion, model } = request;
  const promised = await infra.prices.promised(catalogueVersion, model);
  const usage = boundedUsage(told);
  const cost = costAt(promised?.routes ?? [route], route, usage);
  const prices = { cost, providerCost: costOf(route.cost, usage) };
  if (output.modality !== 'text') {
    const about = `${executionId}/raw/${attempt}`;
    const { ref, inline } = await storePayload(infra, about, organizationId, output);
    const success = { output: ref, usage, ...prices };
    return { command: { type: 'RecordSuccess', attempt, success, at }, payload: inline };
  }
  const tokens = {
    input_tokens: usage.inputTokens ?? 0,
    output_tokens: usage.outputTokens ?? 0,
  };
  const ending = { finish_reason: output.finishReason, usage: tokens };
  const body = { text: output.text, ...ending };
  const about = `${executionId}/output/${attempt}`;
  const { ref, inline } = await storePayload(infra, about, organizationId, body);
  const success = { output: ref, usage, ...prices };
  const completion = { output: ref, files: [], summary: ending, success };
  return { command: { type: 'Complete', attempt, completion, at }, payload: inline };
}
