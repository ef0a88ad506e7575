/** Rows of the schema `proof`, and what they stand for. */
import type { OrganizationId } from '../../contracts/ids.js';
import { unpackPlaces } from '../../domain/proof/feed-places.js';
import { HASH_BYTES, type TreeHash } from '../../domain/proof/hashes.js';
import type { FeedEnd, Tile } from '../../domain/proof/log-tree.js';
import type { StoredCheckpoint, StoredRun, StoredTree, TreeHead } from './port.js';

export interface TreeRow {
  readonly origin: string;
  readonly salts: string;
  readonly position: bigint;
  readonly size: bigint;
  readonly edge: Buffer;
}

export const headOf = ({ origin, position, size, edge }: TreeRow): TreeHead => ({
  origin,
  position,
  edge: { size: Number(size), peaks: hashesIn(edge) },
});

export const treeOf = (row: TreeRow, openTiles: readonly Tile[]): StoredTree => ({
  ...headOf(row),
  saltsId: row.salts,
  openTiles,
});

export interface EndRow {
  readonly organization_id: OrganizationId;
  readonly sequence: bigint;
  readonly latest: Date;
}

export const endOf = ({ sequence, latest }: EndRow): FeedEnd => ({
  sequence: Number(sequence),
  latest: latest.toISOString(),
});

export interface CheckpointRow {
  readonly size: bigint;
  readonly root: Buffer;
  readonly note: string;
  readonly signed_at: Date;
}

export const checkpointOf = ({ size, root, note, signed_at }: CheckpointRow): StoredCheckpoint => ({
  size: Number(size),
  root: root.toString('latin1') as TreeHash,
  note,
  signedAt: signed_at,
});

export interface RunRow {
  readonly first_sequence: bigint;
  readonly places: Buffer;
}

export const runOf = ({ first_sequence, places }: RunRow): StoredRun => ({
  firstSequence: Number(first_sequence),
  places: unpackPlaces(places),
});

export const bytesOf = (hashes: readonly TreeHash[]): Buffer =>
  Buffer.from(hashes.join(''), 'latin1');

export function hashesIn(bytes: Buffer): readonly TreeHash[] {
  const text = bytes.toString('latin1');
  return Array.from(
    { length: text.length / HASH_BYTES },
    (_, n) => text.slice(n * HASH_BYTES, (n + 1) * HASH_BYTES) as TreeHash,
  );
}
