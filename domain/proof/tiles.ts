/**
 * Tiles of C2SP tlog-tiles: 256 hashes of one height, side by side. The tile (L, N) has the roots
 * of the subtrees of 256^L leaves from the 256·N-th on; the last one of each level is partial.
 */
import { HASH_BYTES, nodeHash, type TreeHash } from './hashes.js';
import type { NodeId } from './tree.js';

export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;
const LEVELS = 6;

export interface TileId {
  readonly level: number;
  readonly index: number;
}

/** The tile from which a node is computed, and where in it: `count` hashes from the `first` on. */
export function tileOfNode({ level, index }: NodeId) {
  const height = level % TILE_HEIGHT;
  const count = 2 ** height;
  const begins = index * count;
  return {
    tile: { level: (level - height) / TILE_HEIGHT, index: Math.floor(begins / TILE_WIDTH) },
    first: begins % TILE_WIDTH,
    count,
  };
}

/** Whether the tile is wide enough to have them. */
export const hasHashes = (tile: Buffer, first: number, count: number): boolean =>
  tile.length >= (first + count) * HASH_BYTES;

/** The root of so many hashes, a power of two; the tile has them. */
export function nodeIn(tile: Buffer, first: number, count: number): TreeHash {
  if (count === 1) return hashAt(tile, first);
  const half = count / 2;
  return nodeHash(nodeIn(tile, first, half), nodeIn(tile, first + half, half));
}

const hashAt = (tile: Buffer, n: number): TreeHash =>
  tile.toString('latin1', n * HASH_BYTES, (n + 1) * HASH_BYTES) as TreeHash;

/** How many hashes the tile has in the tree of a size; 0 where it is not in it. */
export function widthIn(size: number, { level, index }: TileId): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH;
  return Math.max(0, Math.min(hashes, TILE_WIDTH));
}

/** The last tile of each level of the tree of a size, where it is not full. */
export function openTileIds(size: number): readonly TileId[] {
  const ids: TileId[] = [];
  for (let [level, hashes] = [0, size]; hashes > 0; level++) {
    const id = { level, index: Math.floor(hashes / TILE_WIDTH) };
    if (widthIn(size, id) > 0) ids.push(id);
    hashes = Math.floor(hashes / TILE_WIDTH);
  }
  return ids;
}

interface TilePath extends TileId {
  readonly width: number;
}

/** `tile/0/x001/x234/067`, with `.p/<width>` behind it where it is partial. */
export function tilePath({ level, index, width }: TilePath): string {
  const groups = [String(index % 1000).padStart(3, '0')];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`);
  return `tile/${level}/${groups.join('/')}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

const PATH = /^tile\/(\d{1,2})\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/;

/** Undefined for a text that is no path of a tile, written in the one way. */
export function parseTilePath(text: string): TilePath | undefined {
  const [, level = '', digits = '', width = `${TILE_WIDTH}`] = PATH.exec(text) ?? [];
  const path = {
    level: Number(level),
    index: Number(digits.replaceAll(/[x/]/g, '')),
    width: Number(width),
  };
  if (path.level >= LEVELS || tilePath(path) !== text) return undefined;
  return path.width >= 1 && path.width <= TILE_WIDTH ? path : undefined;
}
