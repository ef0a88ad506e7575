/** Nodes of the tree, computed from stored tiles; some of those stay in memory. */
import { LRUCache } from 'lru-cache';
import type { TreeHash } from '../../domain/proof/hashes.js';
import { hasHashes, nodeIn, tileOfNode, type TileId } from '../../domain/proof/tiles.js';
import type { LeafRange } from '../../domain/proof/proofs.js';
import { nodesOf, proofOf } from '../../domain/proof/proofs.js';
import type { NodeId } from '../../domain/proof/tree.js';
import { tileName, type ProofStore } from './port.js';

export interface TreeReader {
  /** Those of many are read in one question, as long as their tiles are few. */
  nodes(of: readonly NodeId[]): Promise<readonly TreeHash[]>;
  proof(ranges: readonly LeafRange[]): Promise<readonly TreeHash[]>;
}

/** The tiles do not reach so far: the tree is being made again. */
export class TreeIncomplete extends Error {
  override readonly name = 'TreeIncomplete';
}

const TILES_MAX = 64;
/** Of a question; as many tiles of 8 KB may be read for it. */
const NODES_MAX = 512;

export function openTreeReader(proofs: Pick<ProofStore, 'tiles'>): TreeReader {
  const tiles = new LRUCache<string, Buffer>({ max: TILES_MAX });

  async function nodes(of: readonly NodeId[]): Promise<readonly TreeHash[]> {
    const used = new Map<string, Buffer>();
    const missing = new Map<string, TileId>();
    for (const node of of) {
      const { tile, first, count } = tileOfNode(node);
      const name = tileName(tile);
      const known = used.get(name) ?? tiles.get(name);
      if (known && hasHashes(known, first, count)) used.set(name, known);
      else missing.set(name, tile);
    }
    for (const [name, bytes] of await proofs.tiles([...missing.values()])) {
      tiles.set(name, bytes);
      used.set(name, bytes);
    }
    return of.map((node) => {
      const { tile, first, count } = tileOfNode(node);
      const bytes = used.get(tileName(tile));
      if (bytes && hasHashes(bytes, first, count)) return nodeIn(bytes, first, count);
      throw new TreeIncomplete('the tree is not stored so far');
    });
  }

  async function nodesInParts(of: readonly NodeId[]): Promise<readonly TreeHash[]> {
    const found: TreeHash[] = [];
    for (let from = 0; from < of.length; from += NODES_MAX)
      found.push(...(await nodes(of.slice(from, from + NODES_MAX))));
    return found;
  }

  return {
    nodes: nodesInParts,
    async proof(ranges) {
      const wanted = nodesOf(ranges);
      const found = await nodesInParts(wanted);
      const known = new Map(wanted.map(({ level, index }, n) => [`${level}/${index}`, found[n]]));
      return proofOf(ranges, ({ level, index }) => known.get(`${level}/${index}`) as TreeHash);
    },
  };
}
