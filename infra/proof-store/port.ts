/**
 * The Merkle tree over the log, and what was signed of it.
 *
 * An implementer promises:
 * - `grow` is all or nothing: tiles, places, counts and how far the tree is become visible
 *   together, and survive a power cut once it resolved.
 * - Of several that grow the tree from the same size one succeeds; the others get `moved`.
 * - A checkpoint is never changed, and there is at most one of each size: another root for a size
 *   that was signed is refused as `forked`, and nothing of the growth is stored.
 * - What is read of a size that was stored is the same for ever.
 * - An outage throws `StoreUnavailable`.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import type { FeedPlace } from '../../domain/proof/feed-places.js';
import type { TreeHash } from '../../domain/proof/hashes.js';
import type { FeedEnd, Growth, LogTreeState } from '../../domain/proof/log-tree.js';
import type { TileId } from '../../domain/proof/tiles.js';
import type { Position } from '../event-store/port.js';

/** How far the tree is stored. */
export interface TreeHead extends Pick<LogTreeState, 'edge' | 'position'> {
  readonly origin: string;
}

export interface StoredTree extends TreeHead, LogTreeState {
  /** Which salts its leaves were made with. */
  readonly saltsId: string;
}

export interface StoredCheckpoint {
  readonly size: number;
  readonly root: TreeHash;
  readonly note: string;
  readonly signedAt: Date;
}

export interface NewCheckpoint {
  readonly origin: string;
  readonly note: string;
  readonly vkey: string;
}

export type Grown = 'grown' | 'moved' | 'forked';

/** Some events of an organization's feed, in its order. */
export interface StoredRun {
  readonly firstSequence: number;
  readonly places: readonly FeedPlace[];
}

export interface ProofStore {
  /** Of the log's tree, also while it is made again; undefined before it was begun. */
  origin(): Promise<string | undefined>;
  /** Undefined before the tree is begun, and after the log has moved: then it is made again. */
  tree(): Promise<StoredTree | undefined>;
  /** As `tree`, without what only who grows it needs. */
  head(): Promise<TreeHead | undefined>;
  /** Begins an empty tree, in the place of one over other positions; checkpoints stay. */
  begin(origin: string, saltsId: string): Promise<void>;
  /** Where feeds end; nothing for one without events. */
  feedEnds(of: readonly OrganizationId[]): Promise<ReadonlyMap<OrganizationId, FeedEnd>>;
  /** With a checkpoint of the tree as it is then. */
  grow(growth: Growth, checkpoint: NewCheckpoint | undefined): Promise<Grown>;
  /**
   * Signs a tree that is stored. Only one larger than every one that was signed, and not within
   * `restMs` of the last signature: nothing happens otherwise.
   */
  sign(head: Pick<TreeHead, 'edge'>, checkpoint: NewCheckpoint, restMs: number): Promise<void>;
  /** The bytes of tiles, those of them that there are. */
  tiles(of: readonly TileId[]): Promise<ReadonlyMap<string, Buffer>>;
  /** The newest of at most `sizeMax`; of any size without it. */
  newest(origin: string, sizeMax?: number): Promise<StoredCheckpoint | undefined>;
  checkpoint(origin: string, size: number): Promise<StoredCheckpoint | undefined>;
  /** Behind a size, in their order. */
  checkpoints(origin: string, after: number, limit: number): Promise<readonly StoredCheckpoint[]>;
  /**
   * Of a log that comes from elsewhere. Answers the size of one for which another root is stored;
   * then none of them was.
   */
  restore(origin: string, checkpoints: readonly StoredCheckpoint[]): Promise<number | undefined>;
  /** Of the log, the newest first. */
  vkeys(origin: string): Promise<readonly string[]>;
  addVkey(origin: string, vkey: string): Promise<void>;
  /** The runs that have events from a number on, in their order. */
  runs(of: OrganizationId, from: number, limit: number): Promise<readonly StoredRun[]>;
  /** The run that has the event at a position, where there is one. */
  runAt(of: OrganizationId, position: Position): Promise<StoredRun | undefined>;
  /** The first number of the first run by whose end the feed's latest time had come to `moment`. */
  firstRunSince(of: OrganizationId, moment: Date): Promise<number | undefined>;
}

export const tileName = ({ level, index }: TileId): string => `${level}/${index}`;
