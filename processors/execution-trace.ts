/** What is done for an execution, as a part of the trace of its request. */
import type { ExecutionId } from '../contracts/ids.js';
import { streamOf } from '../contracts/streams.js';
import { openRecentMap, type RecentMap } from '../infra/recent-map.js';
import type { Span, SpanAttributes, SpanStart } from '../infra/tracing/port.js';
import type { Infra } from '../runtime/infra.js';

type Given = Pick<Infra, 'tracing' | 'store' | 'log'>;

interface Told extends Omit<SpanStart, 'parent'> {
  readonly attributes?: SpanAttributes;
  readonly error?: string | undefined;
  /** Milliseconds since the epoch; now unless given. */
  readonly endMs?: number;
}

/** Undefined where there are no traces, or none of this execution. */
export async function beginSpan(
  infra: Given,
  executionId: ExecutionId,
  name: string,
  start: Omit<SpanStart, 'parent'> = {},
): Promise<Span | undefined> {
  const { tracing } = infra;
  if (!tracing) return undefined;
  const parent = await traceOf(infra, executionId);
  return parent === undefined ? undefined : tracing.begin(name, { ...start, parent });
}

/** Of what is over; nothing waits for it. */
export function recordSpan(infra: Given, executionId: ExecutionId, name: string, told: Told): void {
  if (!infra.tracing) return;
  const { attributes = {}, error, endMs = Date.now(), ...start } = told;
  beginSpan(infra, executionId, name, start).then(
    (span) => span?.end({ ...attributes, [EXECUTION]: executionId }, error, endMs),
    (err: unknown) => infra.log.debug({ executionId, err }, 'a trace could not be found'),
  );
}

export const EXECUTION = 'modelroute.execution_id';

/** Nothing comes before a request but what fenced an earlier one. */
const REQUESTED_WITHIN = 4;

/** By execution; what has no trace is an empty text. */
const traces: RecentMap<ExecutionId, string> = openRecentMap({
  costMax: 40_000,
  entriesMax: 40_000,
});

/** The request's, which is in the metadata of the event that it led to. */
async function traceOf({ store }: Given, executionId: ExecutionId): Promise<string | undefined> {
  const known = traces.get(executionId);
  if (known !== undefined) return known || undefined;
  const events = await store.readStream(streamOf('execution', executionId), {
    limit: REQUESTED_WITHIN,
  });
  const requested = events.find(({ type }) => type === 'ExecutionRequested');
  const found = requested?.metadata.traceparent ?? '';
  traces.set(executionId, found, 1);
  return found || undefined;
}
