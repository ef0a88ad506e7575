/** Tiles and checkpoints in PostgreSQL, schema `proof`; the pool answers int8 as bigint. */
import type { Pool, PoolClient } from 'pg';
import { packPlaces } from '../../domain/proof/feed-places.js';
import type { TreeHash } from '../../domain/proof/hashes.js';
import type { Growth, Tile } from '../../domain/proof/log-tree.js';
import { openTileIds, widthIn, type TileId } from '../../domain/proof/tiles.js';
import { rootOf } from '../../domain/proof/tree.js';
import { FIRST_EPOCH, type Epoch } from '../event-store/identity.js';
import { failureOf } from '../event-store/postgres/failures.js';
import { START, StoreUnavailable } from '../event-store/port.js';
import { withTransaction } from '../postgres/pool.js';
import {
  tileName,
  type Grown,
  type NewCheckpoint,
  type ProofStore,
  type StoredCheckpoint,
} from './port.js';
import {
  bytesOf,
  checkpointOf,
  endOf,
  hashesIn,
  headOf,
  runOf,
  treeOf,
  type CheckpointRow,
  type EndRow,
  type RunRow,
  type TreeRow,
} from './rows.js';

interface ProofStoreOptions {
  readonly pool: Pool;
  /** Read when the process started: a tree of another one is over other positions. */
  readonly epoch?: Epoch;
}

export function openPostgresProofStore({
  pool,
  epoch = FIRST_EPOCH,
}: ProofStoreOptions): ProofStore {
  const row = <T extends object>(name: string, text: string, values: readonly unknown[]) =>
    rowsOf<T>(pool, name, text, values);
  return {
    origin: async () =>
      (await row<{ origin: string }>('origin', 'SELECT origin FROM proof.tree', []))[0]?.origin,
    async tree() {
      const [found] = await row<TreeRow>('tree', TREE, [epoch]);
      return found && treeOf(found, await openTilesOf(pool, Number(found.size)));
    },
    async head() {
      const [found] = await row<TreeRow>('tree', TREE, [epoch]);
      return found && headOf(found);
    },
    begin: (origin, saltsId) => begin(pool, { origin, saltsId, epoch }).catch(rethrown),
    async feedEnds(of) {
      const rows = await row<EndRow>('feed ends', FEED_ENDS, [of]);
      return new Map(rows.map((one) => [one.organization_id, endOf(one)]));
    },
    grow: (growth, checkpoint) =>
      withTransaction(pool, (tx) => grow(tx, growth, checkpoint, epoch)).catch(grownOf),
    async sign({ edge }, { origin, note, vkey }, restMs) {
      const root = Buffer.from(rootOf(edge.peaks), 'latin1');
      await row('add vkey', ADD_VKEY, [vkey, origin]);
      await row('sign', SIGN, [origin, edge.size, root, note, epoch, restMs]);
    },
    tiles: (of) => tilesOf(pool, of),
    async newest(origin, sizeMax) {
      const [found] = await row<CheckpointRow>('newest', NEWEST, [origin, sizeMax ?? null]);
      return found && checkpointOf(found);
    },
    async checkpoint(origin, size) {
      const [found] = await row<CheckpointRow>('checkpoint', CHECKPOINT, [origin, size]);
      return found && checkpointOf(found);
    },
    checkpoints: async (origin, after, limit) =>
      (await row<CheckpointRow>('checkpoints', CHECKPOINTS, [origin, after, limit])).map(
        checkpointOf,
      ),
    restore: (origin, checkpoints) => restore(pool, origin, checkpoints),
    vkeys: async (origin) =>
      (await row<{ vkey: string }>('vkeys', VKEYS, [origin])).map(({ vkey }) => vkey),
    addVkey: async (origin, vkey) => void (await row('add vkey', ADD_VKEY, [vkey, origin])),
    runs: async (of, from, limit) =>
      (await row<RunRow>('runs', RUNS, [of, from, limit])).map(runOf),
    async runAt(of, position) {
      const [found] = await row<RunRow>('run at', RUN_AT, [of, position]);
      const run = found && runOf(found);
      return run?.places.some((place) => place.position === position) ? run : undefined;
    },
    async firstRunSince(of, moment) {
      const [found] = await row<FirstRow>('first run', FIRST_RUN, [of, moment]);
      return found && Number(found.first_sequence);
    },
  };
}

/** Rolls the transaction back, and is answered instead of thrown. */
class NotGrown extends Error {
  constructor(readonly answer: Exclude<Grown, 'grown'>) {
    super(answer);
  }
}

function grownOf(error: unknown): Grown {
  if (error instanceof NotGrown) return error.answer;
  return rethrown(error);
}

async function rowsOf<T extends object>(
  pool: Pool,
  name: string,
  text: string,
  values: readonly unknown[],
): Promise<readonly T[]> {
  try {
    return (await pool.query<T>({ name: `proof ${name}`, text, values: [...values] })).rows;
  } catch (error) {
    return rethrown(error);
  }
}

/** An outage is told as one of the event store: whoever grows the tree waits, who asks gets 503. */
function rethrown(error: unknown): never {
  if (failureOf(error) !== 'outage') throw error;
  throw new StoreUnavailable('the proofs cannot be reached', error);
}

interface Beginning {
  readonly origin: string;
  readonly saltsId: string;
  readonly epoch: Epoch;
}

async function begin(pool: Pool, { origin, saltsId, epoch }: Beginning): Promise<void> {
  await withTransaction(pool, async (tx) => {
    await tx.query('LOCK TABLE proof.tree IN EXCLUSIVE MODE');
    const { rowCount } = await tx.query(TREE, [epoch]);
    if (rowCount !== 0) return;
    for (const table of ['tree', 'tiles', 'feed_counts', 'feed_leaves'])
      await tx.query(`DELETE FROM proof.${table}`);
    await tx.query(
      `INSERT INTO proof.tree (origin, epoch, salts, position, size, edge)
       SELECT $1, $2, $3, $4, 0, '' ${WHERE_OWN_EPOCH('$2')}`,
      [origin, epoch, saltsId, START],
    );
  });
}

async function grow(
  tx: PoolClient,
  { sizeBefore, edge, root, position, tiles, runs }: Growth,
  checkpoint: NewCheckpoint | undefined,
  epoch: Epoch,
): Promise<Grown> {
  const edgeBytes = bytesOf(edge.peaks);
  const moving = [sizeBefore, epoch, edge.size, position, edgeBytes];
  const { rowCount } = await tx.query({ name: 'proof grow', text: GROW, values: moving });
  if (rowCount !== 1) throw new NotGrown('moved');
  await tx.query({
    name: 'proof put tiles',
    text: PUT_TILES,
    values: [
      tiles.map(({ level }) => level),
      tiles.map(({ index }) => index),
      tiles.map(({ hashes }) => bytesOf(hashes)),
    ],
  });
  if (runs.length > 0)
    await tx.query({
      name: 'proof put runs',
      text: PUT_RUNS,
      values: [
        runs.map(({ organizationId }) => organizationId),
        runs.map(({ firstSequence }) => firstSequence),
        runs.map(({ places }) => places[0]?.position),
        runs.map(({ latest }) => latest),
        runs.map(({ places }) => packPlaces(places)),
        runs.map(({ firstSequence, places }) => firstSequence + places.length - 1),
      ],
    });
  if (checkpoint) await putCheckpoint(tx, checkpoint, edge.size, root);
  return 'grown';
}

async function putCheckpoint(
  tx: PoolClient,
  { origin, note, vkey }: NewCheckpoint,
  size: number,
  root: TreeHash,
): Promise<void> {
  await tx.query(ADD_VKEY, [vkey, origin]);
  const { rows } = await tx.query<{ root: Buffer }>(PUT_CHECKPOINT, [
    origin,
    size,
    Buffer.from(root, 'latin1'),
    note,
  ]);
  if (rows[0]?.root.toString('latin1') !== root) throw new NotGrown('forked');
}

async function restore(
  pool: Pool,
  origin: string,
  checkpoints: readonly StoredCheckpoint[],
): Promise<number | undefined> {
  const values = [
    origin,
    checkpoints.map(({ size }) => size),
    checkpoints.map(({ root }) => Buffer.from(root, 'latin1')),
    checkpoints.map(({ note }) => note),
    checkpoints.map(({ signedAt }) => signedAt),
  ];
  const { rows } = await pool.query<{ size: bigint }>(RESTORE, values);
  const [forked] = rows;
  return forked && Number(forked.size);
}

async function openTilesOf(pool: Pool, size: number): Promise<readonly Tile[]> {
  const ids = openTileIds(size);
  const found = await tilesOf(pool, ids);
  return ids.map((id) => ({
    ...id,
    hashes: hashesIn(found.get(tileName(id)) ?? Buffer.alloc(0)).slice(0, widthIn(size, id)),
  }));
}

interface TileRow {
  readonly level: number;
  readonly index: bigint;
  readonly hashes: Buffer;
}

async function tilesOf(pool: Pool, of: readonly TileId[]): Promise<ReadonlyMap<string, Buffer>> {
  if (of.length === 0) return new Map();
  const values = [of.map(({ level }) => level), of.map(({ index }) => index)];
  const rows = await rowsOf<TileRow>(pool, 'tiles', TILES, values);
  return new Map(
    rows.map(({ level, index, hashes }) => [tileName({ level, index: Number(index) }), hashes]),
  );
}

interface FirstRow {
  readonly first_sequence: bigint;
}

const WHERE_OWN_EPOCH = (epoch: string): string =>
  `WHERE coalesce((SELECT epoch FROM processing.log_identity), '0') = ${epoch}`;

const TREE = 'SELECT origin, salts, position, size, edge FROM proof.tree WHERE epoch = $1';

const FEED_ENDS = `
  SELECT organization_id, sequence, latest FROM proof.feed_counts WHERE organization_id = ANY ($1)`;

/** A process of before a move writes nothing more. */
const GROW = `
  UPDATE proof.tree SET size = $3, position = $4, edge = $5
  ${WHERE_OWN_EPOCH('$2::text')} AND epoch = $2::text AND size = $1`;

const PUT_TILES = `
  INSERT INTO proof.tiles (level, index, hashes)
  SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
  ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes`;

const PUT_RUNS = `
  WITH run AS (
    SELECT * FROM unnest(
      $1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[], $6::bigint[])
      AS run (organization_id, first_sequence, first_position, latest, places, last_sequence)
  ), put AS (
    INSERT INTO proof.feed_leaves
      (organization_id, first_sequence, first_position, latest, places)
    SELECT organization_id, first_sequence, first_position, latest, places FROM run
  )
  INSERT INTO proof.feed_counts (organization_id, sequence, latest)
  SELECT organization_id, last_sequence, latest FROM run
  ON CONFLICT (organization_id) DO UPDATE
    SET sequence = excluded.sequence, latest = excluded.latest`;

/** Answers what is stored then. */
const PUT_CHECKPOINT = `
  WITH put AS (
    INSERT INTO proof.checkpoints (origin, size, root, note) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING root
  )
  SELECT root FROM put
  UNION ALL SELECT root FROM proof.checkpoints WHERE origin = $1 AND size = $2
  LIMIT 1`;

const SIGN = `
  INSERT INTO proof.checkpoints (origin, size, root, note)
  SELECT $1, $2, $3, $4
  FROM (SELECT max(size) AS size FROM proof.checkpoints WHERE origin = $1) newest
  WHERE EXISTS (SELECT FROM proof.tree WHERE epoch = $5::text AND size >= $2)
    AND coalesce(newest.size < $2, true)
    AND NOT EXISTS (
      SELECT FROM proof.checkpoints c
      WHERE c.origin = $1 AND c.size = newest.size
        AND c.signed_at > clock_timestamp() - $6 * interval '1 millisecond')
  ON CONFLICT DO NOTHING`;

/** All or none; answers the size of one that is there with another root. */
const RESTORE = `
  WITH given AS (
    SELECT * FROM unnest($2::bigint[], $3::bytea[], $4::text[], $5::timestamptz[])
      AS given (size, root, note, signed_at)
  ), forked AS (
    SELECT given.size FROM given JOIN proof.checkpoints c
      ON c.origin = $1 AND c.size = given.size AND c.root <> given.root
  ), put AS (
    INSERT INTO proof.checkpoints (origin, size, root, note, signed_at)
    SELECT $1, size, root, note, signed_at FROM given WHERE NOT EXISTS (SELECT FROM forked)
    ON CONFLICT DO NOTHING
  )
  SELECT min(size) AS size FROM forked HAVING count(*) > 0`;

const TILES = `
  SELECT t.level, t.index, t.hashes
  FROM unnest($1::smallint[], $2::bigint[]) AS asked (level, index)
  JOIN proof.tiles t USING (level, index)`;

const CHECKPOINT_COLUMNS = 'size, root, note, signed_at';

const NEWEST = `
  SELECT ${CHECKPOINT_COLUMNS} FROM proof.checkpoints
  WHERE origin = $1 AND ($2::bigint IS NULL OR size <= $2::bigint)
  ORDER BY size DESC LIMIT 1`;

const CHECKPOINT = `
  SELECT ${CHECKPOINT_COLUMNS} FROM proof.checkpoints WHERE origin = $1 AND size = $2`;

const CHECKPOINTS = `
  SELECT ${CHECKPOINT_COLUMNS} FROM proof.checkpoints
  WHERE origin = $1 AND size > $2 ORDER BY size LIMIT $3`;

const VKEYS = 'SELECT vkey FROM proof.keys WHERE origin = $1 ORDER BY first_used DESC, vkey';

const ADD_VKEY = 'INSERT INTO proof.keys (vkey, origin) VALUES ($1, $2) ON CONFLICT DO NOTHING';

const RUNS = `
  SELECT first_sequence, places FROM proof.feed_leaves
  WHERE organization_id = $1 AND first_sequence >= coalesce((
    SELECT max(first_sequence) FROM proof.feed_leaves
    WHERE organization_id = $1 AND first_sequence <= $2), 0)
  ORDER BY first_sequence LIMIT $3`;

const RUN_AT = `
  SELECT first_sequence, places FROM proof.feed_leaves
  WHERE organization_id = $1 AND first_position <= $2
  ORDER BY first_position DESC LIMIT 1`;

const FIRST_RUN = `
  SELECT first_sequence FROM proof.feed_leaves
  WHERE organization_id = $1 AND latest >= $2
  ORDER BY latest, first_sequence LIMIT 1`;
