/** Whether two checkpoints are of one log: of one tree that only grew. */
import type { Checkpoint } from './checkpoint.js';
import { isConsistent } from './proofs.js';
import type { ConsistencyGiven } from './verify-export.js';

/** The sentence of what is wrong; undefined where the later one goes on from the earlier one. */
export function forkBetween(
  earlier: Checkpoint,
  later: Checkpoint,
  given: ConsistencyGiven | undefined,
): string | undefined {
  if (earlier.origin !== later.origin)
    return `the checkpoints are of two logs, ${earlier.origin} and ${later.origin}`;
  if (earlier.size > later.size)
    return `the earlier checkpoint has ${earlier.size} events, and this one ${later.size}`;
  const proof = earlier.size === later.size ? [] : given?.size === earlier.size && given.hashes;
  if (proof === false || proof === undefined)
    return (
      `it has no proof of consistency with ${earlier.size} events: export again with ` +
      `since_size=${earlier.size}`
    );
  const [before, size] = [earlier.size, later.size];
  const roots = { rootBefore: earlier.root, root: later.root };
  if (isConsistent({ before, size, proof, ...roots })) return undefined;
  return `the log was forked: its first ${before} events are not those of the earlier checkpoint`;
}
