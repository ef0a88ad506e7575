/** Nodes of the tree, computed from stored tiles; some of those stay in memory. */
import { LRUCache } from 'lru-cache';
import type { TreeHash } from '../../domain/proof/hashes.js';
import { nodeIn, tileOfNode, type TileId } from '../../domain/proof/tiles.js';
import type { LeafRange } from '../../domain/proof/proofs.js';
import { nodesOf, proofOf } from '../../domain/proof/proofs.js';
import type { NodeId } from '../../domain/proof/tree.js';
import { tileName, type ProofStore } from './port.js';

export interface TreeReader {
  nodes(of: readonly NodeId[]): Promise<readonly TreeHash[]>;
  proof(ranges: readonly LeafRange[]): Promise<readonly TreeHash[]>;
}

/** The tiles do not reach so far: the tree is being made again. */
export class TreeIncomplete extends Error {
  override readonly name = 'TreeIncomplete';
}

const TILES_MAX = 64;

export function openTreeReader(proofs: Pick<ProofStore, 'tiles'>): TreeReader {
  const tiles = new LRUCache<string, Buffer>({ max: TILES_MAX });

  async function nodeAtOf(of: readonly NodeId[]): Promise<(node: NodeId) => TreeHash> {
    const used = new Map<string, Buffer>();
    const wanted = new Map<string, TileId>();
    for (const node of of) {
      const { tile, first, count } = tileOfNode(node);
      const name = tileName(tile);
      const known = tiles.get(name);
      if (known && nodeIn(known, first, count) !== undefined) used.set(name, known);
      else wanted.set(name, tile);
    }
    for (const [name, bytes] of await proofs.tiles([...wanted.values()])) {
      tiles.set(name, bytes);
      used.set(name, bytes);
    }
    return (node) => {
      const { tile, first, count } = tileOfNode(node);
      const bytes = used.get(tileName(tile));
      const hash = bytes && nodeIn(bytes, first, count);
      if (hash === undefined) throw new TreeIncomplete('the tree is not stored so far');
      return hash;
    };
  }

  return {
    async nodes(of) {
      if (of.length === 0) return [];
      return of.map(await nodeAtOf(of));
    },
    async proof(ranges) {
      if (ranges.length === 0) return [];
      return proofOf(ranges, await nodeAtOf(nodesOf(ranges)));
    },
  };
}
