/** The tables of a rebuild: like the live ones, beside them, under another name. */
import type { ClientBase } from 'pg';
import { qualified } from '../../infra/read-store/table.js';
import type { Projection } from './projection.js';

export const SHADOW = '__rebuild';

/** Also removes the tables that an unfinished rebuild left. */
export async function dropShadow(client: ClientBase, { tables }: Projection): Promise<void> {
  for (const table of tables)
    await client.query(`DROP TABLE IF EXISTS ${qualified(table, SHADOW)}`);
}

export async function createShadow(client: ClientBase, { tables }: Projection): Promise<void> {
  for (const table of tables) {
    const [live, shadow] = [qualified(table), qualified(table, SHADOW)];
    await client.query(`CREATE TABLE ${shadow} (LIKE ${live} INCLUDING ALL)`);
    const { rows } = await client.query<{ options: string | null; comment: string }>(
      `SELECT array_to_string(reloptions, ', ') AS options,
         quote_nullable(obj_description(oid, 'pg_class')) AS comment
       FROM pg_class WHERE oid = $1::regclass`,
      [live],
    );
    const { options = null, comment = 'NULL' } = rows[0] ?? {};
    if (options !== null) await client.query(`ALTER TABLE ${shadow} SET (${options})`);
    await client.query(`COMMENT ON TABLE ${shadow} IS ${comment}`);
  }
}

/** Puts the shadow tables in the place of the live ones; readers see the one or the other. */
export async function replaceLive(tx: ClientBase, { tables }: Projection): Promise<void> {
  for (const table of tables) {
    const [live, shadow] = [qualified(table), qualified(table, SHADOW)];
    const names = await indexNames(tx, live);
    const shadowNames = await indexNames(tx, shadow);
    await tx.query(`DROP TABLE ${live}`);
    await tx.query(`ALTER TABLE ${shadow} RENAME TO ${table.name}`);
    for (const [meaning, name] of names) {
      const shadowName = shadowNames.get(meaning);
      if (!shadowName) throw new Error(`the rebuilt ${table.name} lacks the index ${name}`);
      await tx.query(`ALTER INDEX readmodel.${shadowName} RENAME TO ${name}`);
    }
  }
}

/** A table's indexes by their definition without names, so that two tables can be matched. */
async function indexNames(tx: ClientBase, table: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await tx.query<{ name: string; definition: string }>(
    `SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = $1::regclass`,
    [table],
  );
  return new Map(
    rows.map(({ name, definition }) => [definition.replace(/INDEX \S+ ON \S+/, 'INDEX'), name]),
  );
}
