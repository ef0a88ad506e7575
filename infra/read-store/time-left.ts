/**
 * How long a rebuild will still take to the end of the log as it was when it began. What was since
 * then, the comparison and the swap come on top. Positions are taken for a measure of the way: they
 * grow with the events, or with their bytes.
 */
import type { Position } from '../event-store/port.js';

export interface RebuildWay {
  readonly position: Position;
  readonly head: Position;
  readonly elapsedMs: number;
}

/** Of the way, from 0 to 1. */
export function shareDone({ position, head }: RebuildWay): number {
  const [done, all] = [Number(position) + 1, Number(head) + 1];
  return all <= 0 ? 1 : Math.min(1, Math.max(0, done / all));
}

/** Undefined before anything was done. */
export function secondsLeft(way: RebuildWay): number | undefined {
  const share = shareDone(way);
  if (share === 0) return undefined;
  return Math.ceil((way.elapsedMs * (1 - share)) / share / 1000);
}
