/**
 * Proofs of RFC 9162: which hashes one consists of (sections 2.1.3.1 and 2.1.4.1), and how it is
 * verified (2.1.3.2 and 2.1.4.2). A hash of a proof is the root of the leaves [from, to), which is
 * a perfect subtree everywhere but at the right edge of the tree.
 */
import { nodeHash, type TreeHash } from './hashes.js';
import { coverOf, foldFromRight, type NodeId } from './tree.js';

export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** Of the leaf at `index` in the tree of `size`, from the leaf's sibling to the root's child. */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.reverse();
}

/** That the tree of `size` begins with the tree of `before`; 0 < before < size. */
export function consistencyRanges(before: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let [from, to, isWhole] = [0, size, true];
  while (before !== to) {
    const middle = from + splitOf(to - from);
    if (before <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
      isWhole = false;
    }
  }
  if (!isWhole) ranges.push({ from, to });
  return ranges.reverse();
}

/** The largest power of two below `size`. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** The hashes of a proof, from those of the perfect subtrees of the tree. */
export const proofOf = (
  ranges: readonly LeafRange[],
  nodeAt: (node: NodeId) => TreeHash,
): readonly TreeHash[] =>
  ranges.map(({ from, to }) => foldFromRight(coverOf(from, to).map(nodeAt)) as TreeHash);

/** The perfect subtrees that a proof needs. */
export const nodesOf = (ranges: readonly LeafRange[]): readonly NodeId[] =>
  ranges.flatMap(({ from, to }) => coverOf(from, to));

export interface Inclusion {
  readonly index: number;
  readonly size: number;
  readonly leaf: TreeHash;
  readonly proof: readonly TreeHash[];
  readonly root: TreeHash;
}

/** RFC 9162, 2.1.3.2. */
export function includes({ index, size, leaf, proof, root }: Inclusion): boolean {
  if (index >= size) return false;
  let [node, last, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else hash = nodeHash(hash, sibling);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && hash === root;
}

interface Consistency {
  readonly before: number;
  readonly rootBefore: TreeHash;
  readonly size: number;
  readonly root: TreeHash;
  readonly proof: readonly TreeHash[];
}

/** RFC 9162, 2.1.4.2, and what it leaves to its callers: trees of one size, and empty ones. */
export function isConsistent(given: Consistency): boolean {
  const { before, rootBefore, size, root, proof } = given;
  if (before > size) return false;
  if (before === size) return proof.length === 0 && rootBefore === root;
  if (before === 0) return proof.length === 0;
  const path = isPowerOfTwo(before) ? [rootBefore, ...proof] : proof;
  const roots = rootsOf(before, size, path);
  return roots?.rootBefore === rootBefore && roots.root === root;
}

/**
 * Whether hashes can be a proof that the tree of `root` begins with one of `before`, whose own root
 * is not known: they are as many as it needs, and lead to `root`. Those of a tree whose size is a
 * power of two lead nowhere without its root.
 */
export function leadsTo({ before, size, root, proof }: Omit<Consistency, 'rootBefore'>): boolean {
  if (before <= 0 || before >= size) return false;
  if (proof.length !== consistencyRanges(before, size).length) return false;
  return isPowerOfTwo(before) || rootsOf(before, size, proof)?.root === root;
}

/** The roots to which the hashes lead; undefined where they are not as many as it takes. */
function rootsOf(before: number, size: number, [first, ...rest]: readonly TreeHash[]) {
  if (first === undefined) return undefined;
  let [node, last] = [before - 1, size - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  let [rootBefore, root] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      rootBefore = nodeHash(sibling, rootBefore);
      root = nodeHash(sibling, root);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else root = nodeHash(root, sibling);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 ? { rootBefore, root } : undefined;
}

const half = (number: number): number => Math.floor(number / 2);

const isPowerOfTwo = (size: number): boolean => Number.isInteger(Math.log2(size));
