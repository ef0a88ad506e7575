/**
 * Erases what is stored for an organization, in an order in which every step may be the last one
 * before a crash, and all may be repeated:
 *
 *   recorded ─► API keys revoked ─► data key destroyed ─► payloads removed ─► files deleted
 *
 * Once the key is destroyed, nothing that is under it can be read, here or in a backup. What
 * follows frees the space, and removes what earlier releases stored in plain.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Repositories } from '../../command-handling/repositories.js';
import type { LargePayloads } from '../../infra/payloads/port.js';
import { rowsOf } from '../../infra/read-store/reading.js';
import { text } from '../../infra/read-store/table.js';
import { caughtUp } from '../../query-api/caught-up.js';
import type { Database } from '../../runtime/open-database.js';

interface Erasing {
  readonly database: Pick<Database, 'store' | 'readStore' | 'progress' | 'dataKeys'>;
  readonly repositories: Repositories;
  readonly largePayloads: LargePayloads;
  readonly organizationId: OrganizationId;
  readonly reason: string | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface ErasedOrganization {
  readonly keys: number;
  readonly payloads: number;
  readonly files: number;
}

const PAGE = 1_000;
/** How long a read model is waited for that has not all that the log has. */
export const CAUGHT_UP_MS = 5_000;
const SAID_EVERY = 10_000;

export async function eraseOrganization(erasing: Erasing): Promise<ErasedOrganization> {
  const { database, repositories, organizationId, reason, say } = erasing;
  const metadata: CommandMetadata = {
    actor: 'operator',
    correlationId: organizationId,
    causationId: 'modelroute erase',
    ...(reason !== undefined && { reason }),
  };
  const command = { type: 'Erase', at: nowText() } as const;
  await repositories.organizations.transact(organizationId, command, metadata);
  const keys = await revokeKeys(erasing, metadata);
  await database.dataKeys.destroy(organizationId);
  // What the row was before is rewritten too; a role that may not do so leaves it to autovacuum.
  await database.readStore.query('VACUUM (FULL) datakeys.keys');
  say('its data key is destroyed; what is stored under it cannot be read any more');
  const payloads = (await removeSmall(erasing)) + (await removeLarge(erasing));
  if (!(await caughtUp(database, 'files', CAUGHT_UP_MS)))
    say('the read model of files is behind the log: give the command again once it is not');
  const files = await deleteFiles(erasing, metadata);
  return { keys, payloads, files };
}

const nowText = (): string => new Date().toISOString();

async function revokeKeys(
  { repositories: { organizations, apiKeys }, organizationId }: Erasing,
  metadata: CommandMetadata,
): Promise<number> {
  const { state } = await organizations.load(organizationId);
  const keys = state.status === 'created' ? state.keys : [];
  for (const keyId of keys) {
    const at = nowText();
    await apiKeys.transact(keyId, { type: 'Revoke', organizationId, keyId, at }, metadata);
    const withdrawal = { type: 'WithdrawKey', keyId, at } as const;
    await organizations.transact(organizationId, withdrawal, metadata);
  }
  return keys.length;
}

/** Once through the table, by its primary key: it has no index by organization. */
async function removeSmall(erasing: Erasing): Promise<number> {
  const { database, organizationId } = erasing;
  let removed = 0;
  for (let after: string | undefined = ''; after !== undefined;) {
    erasing.signal.throwIfAborted();
    const values: readonly string[] = [organizationId, after];
    const [row] = await rowsOf(database.readStore, { text: REMOVE_SMALL, values });
    if (!row) break;
    removed = progress(erasing, removed, Number(text(row, 'removed')), 'payloads removed');
    after = row['last'] === null ? undefined : text(row, 'last');
  }
  return removed;
}

/** A page of refs, and those of them that are the organization's. */
const REMOVE_SMALL = `
  WITH page AS MATERIALIZED (
    SELECT ref, organization_id FROM eventstore.payloads
    WHERE ref > $2 ORDER BY ref LIMIT 20000
  ), gone AS (
    DELETE FROM eventstore.payloads
    WHERE ref IN (SELECT ref FROM page WHERE organization_id = $1)
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone)::text AS removed, (SELECT max(ref) FROM page) AS last`;

async function removeLarge(erasing: Erasing): Promise<number> {
  const names = pages(erasing, {
    text: `SELECT name FROM readmodel.large_payloads
      WHERE organization_id = $1 AND name > $2 ORDER BY name LIMIT ${PAGE}`,
    column: 'name',
  });
  let removed = 0;
  for await (const name of names) {
    await erasing.largePayloads.removeNamed(name);
    removed = progress(erasing, removed, 1, 'large payloads removed');
  }
  return removed;
}

/** Their bytes are removed by the system as those of any file that was deleted. */
async function deleteFiles(erasing: Erasing, metadata: CommandMetadata): Promise<number> {
  const ids = pages(erasing, {
    text: `SELECT id FROM readmodel.files
      WHERE organization_id = $1 AND id > $2 AND status NOT IN ('gone', 'removed')
      ORDER BY id LIMIT ${PAGE}`,
    column: 'id',
  });
  let deleted = 0;
  for await (const id of ids) {
    const command = { type: 'Delete', at: nowText() } as const;
    await erasing.repositories.fileRecords.transact(id, command, metadata);
    deleted = progress(erasing, deleted, 1, 'files deleted');
  }
  return deleted;
}

async function* pages(
  { database: { readStore }, organizationId, signal }: Erasing,
  question: { readonly text: string; readonly column: string },
): AsyncGenerator<string> {
  for (let after = ''; ;) {
    const { text: sql, column } = question;
    const rows = await rowsOf(readStore, { text: sql, values: [organizationId, after] });
    for (const row of rows) {
      signal.throwIfAborted();
      yield (after = text(row, column));
    }
    if (rows.length < PAGE) return;
  }
}

function progress({ say }: Erasing, before: number, more: number, what: string): number {
  const now = before + more;
  if (Math.floor(now / SAID_EVERY) > Math.floor(before / SAID_EVERY)) say(`${now} ${what}`);
  return now;
}
