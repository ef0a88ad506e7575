/** A provider's success made ready to record: what it cost, and its output kept by reference. */
import { createHash } from 'node:crypto';
import type { PayloadRef } from '../../contracts/events/execution.js';
import type * as Execution from '../../domain/execution/execution.js';
import { costOf } from '../../domain/pricing/pricing.js';
import type { Payload } from '../../infra/event-store/port.js';
import type { Infra } from '../../infra/infra.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../../infra/payloads/port.js';
import type { ProviderOutcome } from '../../infra/providers/port.js';
import type { Attempt } from './attempts.js';

type Succeeded = Extract<ProviderOutcome, { kind: 'succeeded' }>;

/** Text is complete at once; what has files is recorded as delivered and re-hosted first. */
export async function outputOf(
  infra: Infra,
  { attempt, request, route }: Attempt,
  { output, usage }: Succeeded,
  at: string,
): Promise<{ command: Execution.Command; payload?: Payload }> {
  const prices = { cost: costOf(route.price, usage), providerCost: costOf(route.cost, usage) };
  const { executionId, organizationId } = request;
  if (output.modality !== 'text') {
    const kept = await keep(infra, `${executionId}/raw/${attempt}`, organizationId, output);
    const success = { output: kept.ref, usage, ...prices };
    return { command: { type: 'RecordSuccess', attempt, success, at }, ...rider(kept) };
  }
  const tokens = {
    input_tokens: usage.inputTokens ?? 0,
    output_tokens: usage.outputTokens ?? 0,
  };
  const ending = { finish_reason: output.finishReason, usage: tokens };
  const body = { text: output.text, ...ending };
  const kept = await keep(infra, `${executionId}/output/${attempt}`, organizationId, body);
  const success = { output: kept.ref, usage, ...prices };
  const completion = { output: kept.ref, files: [], summary: ending, success };
  return { command: { type: 'Complete', attempt, completion, at }, ...rider(kept) };
}

interface Kept {
  readonly ref: PayloadRef;
  /** Absent when it was put already, being too large to ride with the events. */
  readonly payload?: Payload;
}

/** JSON under `<prefix>/<first 16 hex of its SHA-256>`. */
export async function keep(
  { payloads }: Infra,
  prefix: string,
  organizationId: string,
  value: unknown,
): Promise<Kept> {
  const bytes = Buffer.from(JSON.stringify(value));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const ref = { ref: `${prefix}/${sha256.slice(0, 16)}`, sha256, bytes: bytes.length };
  const payload: Payload = { ref: ref.ref, organizationId, bytes };
  if (bytes.length <= SMALL_PAYLOAD_BYTES_MAX) return { ref, payload };
  await payloads.put(payload);
  return { ref };
}

const rider = ({ payload }: Kept) => (payload ? { payload } : {});
