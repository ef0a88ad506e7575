/**
 * The checksum of a projection's tables: the sum of the digests of their rows, in no order, with
 * their position. Two folds of the same log up to the same position have the same checksum.
 */
import type { ClientBase, Pool } from 'pg';
import type { Position } from '../event-store/port.js';
import { withTransaction } from '../postgres/pool.js';
import { amount, type Row } from './table.js';

export interface Checksum {
  readonly position: Position;
  readonly rows: bigint;
  /** The tables' sums in the order of their names. */
  readonly checksum: string;
}

/** A table of ten million rows takes about half a minute; only its caller waits for it. */
const PATIENCE_MS = 3_600_000;

/** Of the live tables, while they change: a statement sees one moment. Undefined: no such name. */
export async function checksumOf(pool: Pool, name: string): Promise<Checksum | undefined> {
  const { rows } = await pool.query<{ tables: string[] }>(
    'SELECT tables FROM readmodel.projections WHERE name = $1',
    [name],
  );
  if (!rows[0]) return undefined;
  const { tables } = rows[0];
  return withTransaction(pool, async (tx) => {
    await tx.query(`SET LOCAL statement_timeout = ${PATIENCE_MS}; SET LOCAL timezone = 'UTC'`);
    return checksumOfTables(tx, name, tables, '');
  });
}

/**
 * Of the tables with that suffix; `position` is that of the live ones at the same moment. The
 * session's time zone must be UTC, since times are summed as text.
 */
export async function checksumOfTables(
  client: ClientBase,
  name: string,
  tables: readonly string[],
  suffix: string,
): Promise<Checksum> {
  const sums = [...tables].sort().map(
    (table, index) => `
      CROSS JOIN (
        SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text AS digest
        FROM readmodel.${table}${suffix} t
      ) t${index}`,
  );
  const all = sums.map((_, index) => `t${index}`);
  const query = {
    text: `
      SELECT p.position, ${all.map((t) => `${t}.rows`).join(' + ')} AS rows,
        concat_ws('/', ${all.map((t) => `${t}.digest`).join(', ')}) AS checksum
      FROM readmodel.projections p ${sums.join('')}
      WHERE p.name = $1`,
    values: [name],
    query_timeout: PATIENCE_MS,
  };
  const { rows } = await client.query<Row>(query);
  const [row] = rows;
  if (!row) throw new Error(`there is no projection ${name}`);
  const checksum = String(row['checksum']);
  return { position: amount(row, 'position'), rows: amount(row, 'rows'), checksum };
}
