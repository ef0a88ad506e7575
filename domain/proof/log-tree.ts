/**
 * The tree over a log, as it grows: events in, and out comes what changed since it was asked last,
 * for whoever stores it. It is a pure function of the log, whoever makes it and in whatever steps.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { feedOf } from '../feed/feed-event.js';
import type { FeedPlace } from './feed-places.js';
import { leafHash, type TreeHash } from './hashes.js';
import { leafTextOf } from './leaf.js';
import type { LeafSalts } from './salts.js';
import { TILE_HEIGHT, TILE_WIDTH, type TileId } from './tiles.js';
import { growTree, type RightEdge } from './tree.js';

export interface Tile extends TileId {
  readonly hashes: readonly TreeHash[];
}

/** What the last tile of a level has, and where the log was read to. */
export interface LogTreeState {
  readonly edge: RightEdge;
  readonly position: bigint;
  readonly openTiles: readonly Tile[];
}

/** Events of one organization that came together, in the order of its feed. */
export interface FeedRun {
  readonly organizationId: OrganizationId;
  readonly firstSequence: number;
  /** The latest time of all events of the feed up to its last one. */
  readonly latest: string;
  readonly places: readonly FeedPlace[];
}

export interface Growth {
  readonly sizeBefore: number;
  readonly edge: RightEdge;
  readonly root: TreeHash;
  readonly position: bigint;
  /** Whole, also where only their end is new. */
  readonly tiles: readonly Tile[];
  readonly runs: readonly FeedRun[];
}

/** Where a feed ends: the number of its last event, and the latest time of all of them. */
export interface FeedEnd {
  readonly sequence: number;
  readonly latest: string;
}

/** Of a feed without events. */
export const FEED_BEGINS: FeedEnd = { sequence: 0, latest: '' };

export interface LogTree {
  readonly size: number;
  /** How many events were added since `take`. */
  readonly added: number;
  /** `before`: where the feed of its organization ended; answers where it ends now. */
  add(event: RecordedEvent<AnyEvent>, before: FeedEnd): FeedEnd;
  root(): TreeHash;
  take(): Growth;
}

export function openLogTree(from: LogTreeState, salts: LeafSalts): LogTree {
  const tiles = openTiles(from.openTiles);
  const tree = growTree(from.edge, (level, index, node) => {
    if (level % TILE_HEIGHT === 0) tiles.put(level / TILE_HEIGHT, index, node);
  });
  let runs = new Map<OrganizationId, Run>();
  let { position } = from;
  let sizeBefore = tree.size;

  function note(
    organizationId: OrganizationId,
    event: RecordedEvent<AnyEvent>,
    before: FeedEnd,
  ): FeedEnd {
    const { at } = event.data as { readonly at: string };
    const end = {
      sequence: before.sequence + 1,
      latest: at > before.latest ? at : before.latest,
    };
    let run = runs.get(organizationId);
    if (!run) {
      run = { organizationId, firstSequence: end.sequence, latest: end.latest, places: [] };
      runs.set(organizationId, run);
    }
    run.latest = end.latest;
    run.places.push({
      leafIndex: tree.size,
      position: event.position,
      positionBefore: position,
    });
    return end;
  }

  return {
    get size() {
      return tree.size;
    },
    get added() {
      return tree.size - sizeBefore;
    },
    add(event, before) {
      const organizationId = feedOf(event);
      const end = organizationId ? note(organizationId, event, before) : before;
      tree.append(leafHash(leafTextOf(event, end.sequence, salts)));
      position = event.position;
      return end;
    },
    root: () => tree.root(),
    take() {
      const taken = [...runs.values()];
      runs = new Map();
      const edge = tree.edge();
      const growth = { sizeBefore, edge, root: tree.root(), position, runs: taken };
      sizeBefore = tree.size;
      return { ...growth, tiles: tiles.take() };
    },
  };
}

interface Run extends FeedRun {
  latest: string;
  readonly places: FeedPlace[];
}

interface OpenTile {
  readonly index: number;
  readonly hashes: TreeHash[];
  isChanged: boolean;
}

/** The tiles that got hashes since they were taken; of each level the last one stays open. */
function openTiles(open: readonly Tile[]) {
  const last: OpenTile[] = [];
  for (const { level, index, hashes } of open)
    last[level] = { index, hashes: [...hashes], isChanged: false };
  let changed: Tile[] = [];
  return {
    put(level: number, nodeIndex: number, node: TreeHash): void {
      const index = Math.floor(nodeIndex / TILE_WIDTH);
      let tile = last[level];
      if (tile?.index !== index) last[level] = tile = { index, hashes: [], isChanged: false };
      tile.hashes.push(node);
      if (!tile.isChanged) changed.push({ level, index, hashes: tile.hashes });
      tile.isChanged = true;
    },
    take(): readonly Tile[] {
      const taken = changed.map((tile) => ({ ...tile, hashes: [...tile.hashes] }));
      changed = [];
      for (const tile of last) if (tile) tile.isChanged = false;
      return taken;
    },
  };
}
