/**
 * When a provider is asked again about a job that it has accepted: after a quarter of the job's
 * age, within the provider's bounds. So a result is seen at most a quarter later than it was there,
 * and a long job costs few questions. The pause follows from the age alone: no process has to
 * remember the last question.
 *
 *   every 1 s, at most 15 s:   age   1 s … 4 s    8 s    20 s    60 s and more
 *                              pause 1 s          2 s     5 s    15 s
 */
import type { Poll } from '../../contracts/catalogue/catalogue.js';

interface PollPause {
  readonly poll: Poll;
  /** Since the provider accepted the job. */
  readonly ageMs: number;
  /** What the provider asked for; the pause is never shorter. */
  readonly askedMs?: number;
}

const SHARE_OF_AGE = 4;

/** Whole milliseconds. */
export function pollPauseMs({ poll, ageMs, askedMs = 0 }: PollPause): number {
  const pauseMs = Math.min(Math.max(ageMs / SHARE_OF_AGE, poll.everyMs), poll.maxMs);
  return Math.ceil(Math.max(pauseMs, askedMs));
}
