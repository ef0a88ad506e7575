/**
 * Compares a tree that is made again, as after the log has moved, with every checkpoint that was
 * signed: it must come to the same roots.
 */
import type { LogTree } from '../../domain/proof/log-tree.js';
import type { ProofStore, StoredCheckpoint } from '../../infra/proof-store/port.js';

interface SignedSizes {
  /** Loads the checkpoints up to a size. */
  load(size: number): Promise<void>;
  /** Throws where another root was signed for the tree's size. */
  compare(tree: Pick<LogTree, 'size' | 'root'>): void;
}

const PAGE = 1_000;

export function openSignedSizes(
  proofs: Pick<ProofStore, 'checkpoints'>,
  origin: string,
  from: number,
): SignedSizes {
  const ahead: StoredCheckpoint[] = [];
  let loaded = from;
  let isComplete = false;
  return {
    async load(size) {
      while (!isComplete && loaded < size) {
        const page = await proofs.checkpoints(origin, loaded, PAGE);
        ahead.push(...page);
        isComplete = page.length < PAGE;
        loaded = page.at(-1)?.size ?? loaded;
      }
    },
    compare(tree) {
      const [next] = ahead;
      if (next?.size !== tree.size) return;
      ahead.shift();
      if (next.root === tree.root()) return;
      throw new Error(
        `the log is not the one that was signed: its first ${next.size} events have another ` +
          'root; or MODELROUTE_MASTER_KEY is not the one of then',
      );
    },
  };
}
