/** What was known of a route when one was chosen; for operators only. */
import { count, record, size, text } from './schema-parts.js';

/** One candidate route of a routing decision; `skipped` says why it was not taken. */
export interface RouteCandidate {
  readonly route: string;
  readonly provider: string;
  readonly score: number;
  readonly skipped?: string;
  /** What its calls took lately, nine of ten at most, and how many of a hundred succeeded. */
  readonly p90Ms?: number;
  readonly success?: number;
  /** With `skipped: capability`: the field of the input that the route cannot do. */
  readonly lacks?: string;
}

export const routeCandidate = record({
  route: text,
  provider: text,
  score: { ...size, type: 'number', minimum: -Number.MAX_SAFE_INTEGER },
  'skipped?': text,
  'lacks?': text,
  'p90Ms?': size,
  'success?': count,
});
