/** A routing decision in words, from what was recorded with it. */
import type { RouteCandidate } from '../../contracts/events/route-candidate.js';

/** Why the route was taken, or what kept it from being taken. */
export function whyOf(candidate: RouteCandidate, chosen: RouteCandidate | undefined): string {
  const { skipped, lacks, score } = candidate;
  if (skipped !== undefined) return skippedBecause(skipped, lacks);
  if (candidate.route !== chosen?.route)
    return score > (chosen?.score ?? 0)
      ? `could have been taken: ${score} points, but it failed before or another was drawn`
      : `could have been taken: ${score} points`;
  return `was taken with ${score} of 100 points`;
}

/** What was known of it at that moment; undefined where nothing was. */
export function knownOf({ p90Ms, success }: RouteCandidate): string | undefined {
  if (success === undefined) return undefined;
  const took = p90Ms === undefined ? '' : `, nine of ten within ${p90Ms} ms`;
  return `${success} % of its recent calls succeeded${took}`;
}

function skippedBecause(word: string, lacks: string | undefined): string {
  if (word === 'capability') return `cannot do ${lacks ?? 'what the input asks for'}`;
  return words[word] ?? word;
}

const words: Readonly<Record<string, string>> = {
  require: 'does not promise what the execution requires',
  provider_unknown: 'its provider is not in the catalogue',
  failed_for_good: 'failed in this execution in a way that it would fail again',
  outcome_unknown: 'an attempt there may have been paid for, and may not be repeated',
  outcome_unknown_elsewhere:
    'an attempt elsewhere may have been paid for: what that may cost is not to be risked again',
  breaker_open: 'its circuit is open: its calls failed, or those of this organization',
  breaker_probing: 'its circuit is being probed by other calls',
  route_rests: 'rests: what was sent there was refused',
  throttled: 'rests: it said that it is asked too much',
  bulkhead_full: 'all its slots were taken',
  limit: 'its accounts were at their limit',
};
