/** How long executions take from when their request was due, in an open loop. */
import { executionIdOf, type OrganizationId } from '../../contracts/ids.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import type { Completions } from '../completions.js';
import { openLoop } from '../load.js';
import { CLIENTS } from '../settings.js';
import { KEYS, type Executions } from './executions.js';

interface OpenLoad {
  readonly rate: number;
  readonly seconds: number;
}

/** Milliseconds until the completion is first seen in the log, looked at every few of them. */
export async function submitToCompleted(
  ours: Executions,
  completions: Completions,
  { rate, seconds }: OpenLoad,
): Promise<number[]> {
  const first = ours.submissions.made;
  await completions.mark();
  const load = openLoop({
    url: ours.url,
    clients: CLIENTS,
    seconds,
    perSecond: rate,
    next: ours.submissions.fresh,
    accept: (status) => status === 202,
  });
  const [{ answers, beganMs }, seenMs] = await Promise.all([
    load,
    completions.seen(Math.floor(rate * seconds)),
  ]);
  ours.addAccepted(answers);
  return Array.from({ length: answers }, (_, n) => {
    const seen = seenMs.get(streamOfSubmission(ours, first + n)) ?? NaN;
    return seen - (beganMs + (n * 1000) / rate);
  });
}

/** Keys run through the tenants in turn (submissions.ts). */
function streamOfSubmission({ tenants }: Executions, n: number): StreamName {
  const { organizationId } = tenants[n % tenants.length] ?? { organizationId: '' };
  return streamOf('execution', executionIdOf(organizationId as OrganizationId, `${KEYS}-${n}`));
}
