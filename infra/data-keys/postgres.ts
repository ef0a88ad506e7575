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
  const keyFor = async (organizationId: string) => {
    const found = await read(NEWEST, [organizationId]);
    if (found) return found;
    await make(options, organizationId);
    return (await read(NEWEST, [organizationId])) ?? lost(organizationId);
  };
  return {
    keyFor,
    keyOf: (id) => read(BY_ID, [id]),
    async renew(organizationId) {
      if ((await keyFor(organizationId)) === 'erased') return 'erased';
      return unlessOutage(
        withTransaction(pool, (client) => renew(options, client, organizationId)),
      );
    },
    async destroy(organizationId) {
      const { rows } = await unlessOutage(
        pool.query<{ isNew: boolean }>('SELECT datakeys.destroy($1) AS "isNew"', [organizationId]),
      );
      return rows[0]?.isNew === true;
    },
    async changed(after) {
      const { rows } = await unlessOutage(
        after === undefined
          ? pool.query<ChangedRow>(LAST_CHANGED)
          : pool.query<ChangedRow>(CHANGED, [after, CHANGED_MAX]),
      );
      const named = (isDestroyed: boolean) => {
        const those = rows.filter((row) => row.is_destroyed === isDestroyed);
        return [...new Set(those.map((row) => row.organization_id))];
      };
      const last = rows.at(-1)?.number ?? after ?? 0n;
      return { last, destroyed: named(true), renewed: named(false) };
    },
  };
}

/** Throws `StartError` where the keys are under another master key, before anything needs one. */
export async function expectOpenable(options: PostgresDataKeysOptions): Promise<void> {
  const { rows } = await unlessOutage(options.pool.query<KeyRow>(ANY));
  if (rows[0]) keyIn(await options.wrappingKey(), rows[0]);
}

const CHANGED_MAX = 1_000;

interface KeyRow {
  id: string;
  organization_id: string;
  version: number;
  /** Null when the key was destroyed. */
  wrapped: Buffer | null;
}

interface ChangedRow {
  organization_id: string;
  /** Null where it is only asked how many changes there were. */
  is_destroyed: boolean | null;
  number: bigint;
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

/** One after another with all other changes, so that none is made of an erased organization. */
async function renew(
  { wrappingKey }: PostgresDataKeysOptions,
  client: PoolClient,
  organizationId: string,
): Promise<DataKey | 'erased'> {
  const { rows } = await client.query<{ number: bigint }>(NEXT_NUMBER);
  const { rows: newest } = await client.query<KeyRow>(`${SELECT} ${NEWEST}`, [organizationId]);
  if (!newest[0]?.wrapped) return 'erased';
  const version = newest[0].version + 1;
  const name = { id: randomUUID(), organizationId, version };
  const key = await wrappingKey();
  const wrapped = wrappedNew(key, name);
  await client.query(ADD, [name.id, organizationId, version, wrapped, rows[0]?.number]);
  return unwrapped(key, name, wrapped);
}

async function unlessOutage<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (failureOf(error) !== 'outage') throw error;
    throw new StoreUnavailable('the data keys cannot be reached', error);
  }
}

const SELECT = 'SELECT id, organization_id, version, wrapped FROM datakeys.keys';

const NEWEST = 'WHERE organization_id = $1 ORDER BY version DESC LIMIT 1';

const BY_ID = 'WHERE id = $1';

const ANY = `${SELECT} WHERE wrapped IS NOT NULL LIMIT 1`;

const INSERT = `
  INSERT INTO datakeys.keys (id, organization_id, version, wrapped) VALUES ($1, $2, 1, $3)
  ON CONFLICT (organization_id, version) DO NOTHING`;

const NEXT_NUMBER = 'SELECT datakeys.next_number() AS number';

const ADD = `
  INSERT INTO datakeys.keys (id, organization_id, version, wrapped, added_number)
  VALUES ($1, $2, $3, $4, $5)`;

const LAST_CHANGED = `
  SELECT '' AS organization_id, NULL AS is_destroyed,
    coalesce(greatest(max(destroyed_number), max(added_number)), 0) AS number
  FROM datakeys.keys`;

const CHANGED = `
  SELECT organization_id, true AS is_destroyed, destroyed_number AS number FROM datakeys.keys
  WHERE destroyed_number > $1
  UNION ALL
  SELECT organization_id, false, added_number FROM datakeys.keys WHERE added_number > $1
  ORDER BY number
  FETCH FIRST $2 ROWS WITH TIES`;
