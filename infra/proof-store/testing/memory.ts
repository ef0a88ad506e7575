/** A tree and what was signed of it, in memory. */
import type { OrganizationId } from '../../../contracts/ids.js';
import type { TreeHash } from '../../../domain/proof/hashes.js';
import type { FeedEnd, FeedRun, Growth, Tile } from '../../../domain/proof/log-tree.js';
import { openTileIds } from '../../../domain/proof/tiles.js';
import { rootOf } from '../../../domain/proof/tree.js';
import { START } from '../../event-store/port.js';
import {
  tileName,
  type Grown,
  type NewCheckpoint,
  type ProofStore,
  type StoredCheckpoint,
  type StoredTree,
} from '../port.js';

type Tree = Omit<StoredTree, 'openTiles'>;

export function openMemoryProofStore(): ProofStore {
  let tree: Tree | undefined;
  const tiles = new Map<string, readonly TreeHash[]>();
  const runsOf = new Map<OrganizationId, FeedRun[]>();
  const signed = openSigned();
  const runs = (of: OrganizationId): readonly FeedRun[] => runsOf.get(of) ?? [];

  const openTile = (id: Parameters<typeof tileName>[0]): Tile => ({
    ...id,
    hashes: tiles.get(tileName(id)) ?? [],
  });

  async function grow(
    { sizeBefore, edge, root, position, tiles: changed, runs: added }: Growth,
    checkpoint: NewCheckpoint | undefined,
  ): Promise<Grown> {
    if (tree?.edge.size !== sizeBefore) return 'moved';
    if (checkpoint && !signed.put(checkpoint, edge.size, root)) return 'forked';
    tree = { ...tree, edge, position };
    for (const tile of changed) tiles.set(tileName(tile), tile.hashes);
    for (const run of added) runsOf.set(run.organizationId, [...runs(run.organizationId), run]);
    return 'grown';
  }

  return {
    origin: async () => tree?.origin,
    tree: async () =>
      tree && { ...tree, openTiles: openTileIds(tree.edge.size).map((id) => openTile(id)) },
    head: async () => tree,
    async sign({ edge }, checkpoint, restMs) {
      const last = await signed.reading.newest(checkpoint.origin);
      const isDue = !last || Date.now() - last.signedAt.getTime() >= restMs;
      if (tree && tree.edge.size >= edge.size && edge.size > (last?.size ?? -1) && isDue)
        signed.put(checkpoint, edge.size, rootOf(edge.peaks));
    },
    async begin(origin, saltsId) {
      tree ??= { origin, saltsId, position: START, edge: { size: 0, peaks: [] } };
    },
    feedEnds: async (of) => new Map(of.flatMap((one) => endOf(one, runs(one)))),
    grow,
    tiles: async (of) =>
      new Map(
        of.map(tileName).flatMap((name) => {
          const hashes = tiles.get(name);
          return hashes ? [[name, Buffer.from(hashes.join(''), 'latin1')]] : [];
        }),
      ),
    ...signed.reading,
    async runs(of, from, limit) {
      const all = runs(of);
      const first = all.findLastIndex(({ firstSequence }) => firstSequence <= from);
      return all.slice(Math.max(0, first), Math.max(0, first) + limit).map(storedOf);
    },
    async runAt(of, position) {
      const run = runs(of).find(({ places }) => places.some((one) => one.position === position));
      return run && storedOf(run);
    },
    firstRunSince: async (of, moment) =>
      runs(of).find(({ latest }) => Date.parse(latest) >= moment.getTime())?.firstSequence,
  };
}

const storedOf = ({ firstSequence, places }: FeedRun) => ({ firstSequence, places });

function endOf(of: OrganizationId, runs: readonly FeedRun[]): [OrganizationId, FeedEnd][] {
  const last = runs.at(-1);
  if (!last) return [];
  const sequence = last.firstSequence + last.places.length - 1;
  return [[of, { sequence, latest: last.latest }]];
}

function openSigned() {
  const checkpointsOf = new Map<string, Map<number, StoredCheckpoint>>();
  const keysOf = new Map<string, string[]>();
  const of = (origin: string): Map<number, StoredCheckpoint> => {
    const known = checkpointsOf.get(origin) ?? new Map<number, StoredCheckpoint>();
    checkpointsOf.set(origin, known);
    return known;
  };
  const ascending = (origin: string) => [...of(origin).values()].sort((a, b) => a.size - b.size);
  const addVkey = (origin: string, vkey: string): void => {
    const keys = keysOf.get(origin) ?? [];
    if (!keys.includes(vkey)) keysOf.set(origin, [vkey, ...keys]);
  };
  const reading = {
    newest: async (origin: string, sizeMax = Infinity) =>
      ascending(origin).findLast(({ size }) => size <= sizeMax),
    checkpoint: async (origin: string, size: number) => of(origin).get(size),
    checkpoints: async (origin: string, after: number, limit: number) =>
      ascending(origin)
        .filter(({ size }) => size > after)
        .slice(0, limit),
    async restore(origin: string, given: readonly StoredCheckpoint[]) {
      const forked = given.filter(
        ({ size, root }) => (of(origin).get(size)?.root ?? root) !== root,
      );
      if (forked.length > 0) return Math.min(...forked.map(({ size }) => size));
      for (const one of given) if (!of(origin).has(one.size)) of(origin).set(one.size, one);
      return undefined;
    },
    vkeys: async (origin: string) => keysOf.get(origin) ?? [],
    addVkey: async (origin: string, vkey: string) => addVkey(origin, vkey),
  };
  return {
    reading,
    put({ origin, note, vkey }: NewCheckpoint, size: number, root: TreeHash): boolean {
      const there = of(origin).get(size);
      if (there && there.root !== root) return false;
      addVkey(origin, vkey);
      if (!there) of(origin).set(size, { size, root, note, signedAt: new Date() });
      return true;
    },
  };
}
