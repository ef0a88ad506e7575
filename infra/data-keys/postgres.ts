/**
 * Data keys in PostgreSQL, schema `datakeys`, which nothing else is in: it is backed up apart from
 * what the keys encrypt, and for a short time only. A destroyed key leaves its row without the key.
 */
import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { failureOf } from '../event-store/postgres/failures.js';
import { StoreUnavailable } from '../event-store/port.js';
import { withTransaction } from '../postgres/pool.js';
import type { DataKey, DataKeys } from './port.js';
import { unwrapped, wrappedNew } from './wrap.js';

interface PostgresDataKeysOptions {
  readonly pool: Pool;
  /** 32 bytes, under which the keys are stored; asked for when the first key is needed. */
  readonly wrappingKey: () => Promise<Buffer>;
}

export function openPostgresDataKeys(options: PostgresDataKeysOptions): DataKeys {
  const { pool, wrappingKey } = options;
  const read = async (condition: string, values: readonly string[]) => {
    const { rows } = await unlessOutage(pool.query<KeyRow>(`${SELECT} ${condition}`, [...values]));
    return rows[0] && keyIn(await wrappingKey(), rows[0]);
  };
  return {
    async keyFor(organizationId) {
      const found = await read(NEWEST, [organizationId]);
      if (found) return found;
      await make(options, organizationId);
      return (await read(NEWEST, [organizationId])) ?? lost(organizationId);
    },
    keyOf: (id) => read(BY_ID, [id]),
    destroy: (organizationId) =>
      unlessOutage(withTransaction(pool, (client) => destroy(client, organizationId))),
    async destroyed(after) {
      const { rows } = await unlessOutage(
        after === undefined
          ? pool.query<DestroyedRow>(LAST_DESTROYED)
          : pool.query<DestroyedRow>(DESTROYED, [after, DESTROYED_MAX]),
      );
      const organizationIds = rows.flatMap(({ organization_id: id }) => id ?? []);
      return { last: rows.at(-1)?.destroyed_number ?? after ?? 0n, organizationIds };
    },
  };
}

/** Throws `StartError` where the keys are under another master key, before anything needs one. */
export async function expectOpenable(options: PostgresDataKeysOptions): Promise<void> {
  const { rows } = await unlessOutage(options.pool.query<KeyRow>(ANY));
  if (rows[0]) keyIn(await options.wrappingKey(), rows[0]);
}

const DESTROYED_MAX = 1_000;

interface KeyRow {
  id: string;
  organization_id: string;
  version: number;
  /** Null when the key was destroyed. */
  wrapped: Buffer | null;
}

interface DestroyedRow {
  organization_id: string | null;
  destroyed_number: bigint;
}

function keyIn(wrappingKey: Buffer, { id, wrapped, ...row }: KeyRow): DataKey | 'erased' {
  if (!wrapped) return 'erased';
  const name = { id, organizationId: row.organization_id, version: row.version };
  return unwrapped(wrappingKey, name, wrapped);
}

/** Whoever is first makes it; the others find it. */
async function make(
  { pool, wrappingKey }: PostgresDataKeysOptions,
  organizationId: string,
): Promise<void> {
  const name = { id: randomUUID(), organizationId, version: 1 };
  const wrapped = wrappedNew(await wrappingKey(), name);
  await unlessOutage(pool.query(INSERT, [name.id, organizationId, wrapped]));
}

function lost(organizationId: string): never {
  throw new Error(`the data key of ${organizationId} was made and is not there`);
}

/** Destructions are numbered one after another, so that whoever reads on from one misses none. */
async function destroy(client: PoolClient, organizationId: string): Promise<boolean> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [TURN]);
  const unwrap = await client.query(DESTROY, [organizationId]);
  if (unwrap.rowCount) return true;
  const forbid = await client.query(FORBID, [randomUUID(), organizationId]);
  if (forbid.rowCount) return true;
  // A key that was made meanwhile; none, where it was destroyed before.
  return ((await client.query(DESTROY, [organizationId])).rowCount ?? 0) > 0;
}

async function unlessOutage<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (failureOf(error) !== 'outage') throw error;
    throw new StoreUnavailable('the data keys cannot be reached', error);
  }
}

/** "keys" in ASCII. */
const TURN = 0x6b657973;

const SELECT = 'SELECT id, organization_id, version, wrapped FROM datakeys.keys';

const NEWEST = 'WHERE organization_id = $1 ORDER BY version DESC LIMIT 1';

const BY_ID = 'WHERE id = $1';

const ANY = `${SELECT} WHERE wrapped IS NOT NULL LIMIT 1`;

const INSERT = `
  INSERT INTO datakeys.keys (id, organization_id, version, wrapped) VALUES ($1, $2, 1, $3)
  ON CONFLICT (organization_id, version) DO NOTHING`;

const NEXT = '(SELECT coalesce(max(destroyed_number), 0) + 1 FROM datakeys.keys)';

const DESTROY = `
  UPDATE datakeys.keys
  SET wrapped = NULL, destroyed_at = clock_timestamp(), destroyed_number = ${NEXT}
  WHERE organization_id = $1 AND wrapped IS NOT NULL`;

const FORBID = `
  INSERT INTO datakeys.keys (id, organization_id, version, destroyed_at, destroyed_number)
  VALUES ($1, $2, 1, clock_timestamp(), ${NEXT})
  ON CONFLICT (organization_id, version) DO NOTHING`;

const LAST_DESTROYED = `
  SELECT NULL AS organization_id, coalesce(max(destroyed_number), 0) AS destroyed_number
  FROM datakeys.keys`;

const DESTROYED = `
  SELECT organization_id, destroyed_number FROM datakeys.keys
  WHERE destroyed_number > $1
  ORDER BY destroyed_number
  FETCH FIRST $2 ROWS WITH TIES`;
