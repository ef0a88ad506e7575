/**
 * Where the events of an export are put, plan after plan.
 *
 * An implementer promises:
 * - Once `write` resolved, each event of the plan is there, and stays, also after `kill -9` and a
 *   power cut. It is there once, whoever wrote the plan before, to its end or not, and whoever
 *   writes it at the same time.
 * - A sink that is away, full, silent or refuses us throws, in bounded time.
 */
import type { FieldsOf } from '../../domain/proof/operator-fields.js';
import type { NumberedEvent } from '../../domain/feed/cloud-event.js';

/** An event and its number in what is exported. */
export interface ExportedEvent {
  readonly number: bigint;
  readonly event: NumberedEvent;
  /** What only operators know of it, where the export has that. */
  readonly operators?: FieldsOf;
}

/** Events whose numbers follow one another; one at least. The same numbers are the same events. */
export type ExportPlan = readonly ExportedEvent[];

export interface ExportSink {
  /** Names of the files that it wrote. */
  write(plan: ExportPlan, signal: AbortSignal): Promise<readonly string[]>;
  close(): void;
}
