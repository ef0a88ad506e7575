/** How many files an organization may upload and has not confirmed, as far as is projected. */
import type { Pool } from 'pg';
import type { OrganizationId } from '../../contracts/ids.js';
import { rowsOf } from './reading.js';
import { count } from './table.js';

/** Not counted beyond `max`. Throws `StoreUnavailable`. */
export async function awaitedFiles(
  pool: Pick<Pool, 'query'>,
  organizationId: OrganizationId,
  max: number,
): Promise<number> {
  const question = { name: 'awaited files', text: COUNT, values: [organizationId, max] };
  const [row] = await rowsOf(pool, question);
  return row ? count(row, 'awaited') : 0;
}

const COUNT = `
  SELECT count(*) AS awaited
  FROM (
    SELECT FROM readmodel.files WHERE organization_id = $1 AND status = 'awaited' LIMIT $2
  ) AS counted`;
