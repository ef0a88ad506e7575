/**
 * An append-only Merkle tree by its right edge: the roots of the perfect subtrees of which a tree
 * of a size consists, from left to right, as many as the size has bits that are set. That is all
 * that appending needs, and gives the root.
 *
 *   size 7:  [0,4) level 2 · [4,6) level 1 · [6,7) level 0
 */
import { EMPTY_ROOT, nodeHash, type TreeHash } from './hashes.js';

/** A perfect subtree: the leaves [index · 2^level, (index + 1) · 2^level). */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

export interface RightEdge {
  readonly size: number;
  readonly peaks: readonly TreeHash[];
}

export const EMPTY_EDGE: RightEdge = { size: 0, peaks: [] };

export interface GrowingTree {
  readonly size: number;
  append(leaf: TreeHash): void;
  /** Appends a whole perfect subtree, which must begin where the tree ends; false where not. */
  appendNode(level: number, node: TreeHash): boolean;
  edge(): RightEdge;
  root(): TreeHash;
}

/** `onNode` is called for each subtree that an append completes, its leaf first. */
export function growTree(
  from: RightEdge,
  onNode?: (level: number, index: number, node: TreeHash) => void,
): GrowingTree {
  const peaks = [...from.peaks];
  let size = from.size;

  function put(atLevel: number, given: TreeHash): void {
    const leaves = 2 ** atLevel;
    let level = atLevel;
    let index = size / leaves;
    let node = given;
    onNode?.(level, index, node);
    for (; index % 2 === 1; level++) {
      node = nodeHash(peaks.pop() as TreeHash, node);
      index = (index - 1) / 2;
      onNode?.(level + 1, index, node);
    }
    peaks.push(node);
    size += leaves;
  }

  return {
    get size() {
      return size;
    },
    append: (leaf) => put(0, leaf),
    appendNode(level, node) {
      if (size % 2 ** level !== 0) return false;
      put(level, node);
      return true;
    },
    edge: () => ({ size, peaks: [...peaks] }),
    root: () => rootOf(peaks),
  };
}

/** The peaks, joined from the right. */
export function rootOf(peaks: readonly TreeHash[]): TreeHash {
  return foldFromRight(peaks) ?? EMPTY_ROOT;
}

export function foldFromRight(hashes: readonly TreeHash[]): TreeHash | undefined {
  let folded = hashes.at(-1);
  for (let at = hashes.length - 2; at >= 0; at--)
    folded = nodeHash(hashes[at] as TreeHash, folded as TreeHash);
  return folded;
}

/**
 * The perfect subtrees that together have exactly the leaves [from, to), from left to right, the
 * largest that fit. The peaks of a tree are the cover of [0, size).
 */
export function coverOf(from: number, to: number): readonly NodeId[] {
  const nodes: NodeId[] = [];
  for (let at = from; at < to;) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= to) level++;
    nodes.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return nodes;
}
