/** A story that is audited, and how the usual ones begin. */
import type { ExecutionId, HoldId } from '../../contracts/ids.js';
import { openAudit } from '../audit.js';
import { openFindings, type Finding } from '../findings.js';
import type { Moment } from '../overdue.js';
import { openStory, START_MS, type Recorded, type Story } from './story.js';

export function audit(
  events: readonly Recorded[],
  moment: Partial<Moment> = {},
): readonly Finding[] {
  const findings = openFindings();
  const { see, end } = openAudit(findings);
  events.forEach(see);
  end({ nowMs: START_MS + events.length * 1_000, settled: false, ...moment });
  return findings.kept;
}

export const settled = { settled: true };

/** Funded, requested, dispatched: with what the spec does to it, and what comes after. */
export function underWay(): { story: Story; id: ExecutionId; holdId: HoldId } {
  const story = openStory();
  story.deposit(100_000n);
  const id = story.execution();
  const holdId = story.place(id, 30_000n);
  story.request(id, holdId, 30_000n);
  story.dispatch(id, 1);
  return { story, id, holdId };
}

export function completed(cost = 10_000n) {
  const begun = underWay();
  begun.story.complete(begun.id, begun.holdId, cost);
  return begun;
}
