/**
 * Erases what is stored for an organization, in an order in which every step may be the last one
 * before a crash, and all may be repeated:
 *
 *   recorded ─► API keys revoked ─► data key destroyed ─► payloads removed ─► files deleted
 *
 * Once the key is destroyed, nothing that is under it can be read, here or in a backup. What
 * follows frees the space, and removes what earlier releases stored in plain.
 */
import type { Pool } from 'pg';
import type { OrganizationId } from '../contracts/ids.js';
import type { DataKeys } from '../infra/data-keys/port.js';
import { StoreUnavailable, type EventStore } from '../infra/event-store/port.js';
import type { LargePayloads } from '../infra/payloads/port.js';
import type { ProjectionProgress } from '../infra/read-store/progress.js';
import { rowsOf } from '../infra/read-store/reading.js';
import { text } from '../infra/read-store/table.js';
import type { AccountStates } from './accounts/account-states.js';
import type { CommandMetadata } from './command-metadata.js';
import type { Repositories } from './repositories.js';

export interface ErasingAccess extends Pick<Repositories, 'apiKeys' | 'organizations'> {
  readonly dataKeys: Pick<DataKeys, 'destroy'>;
  readonly now: () => number;
}

export interface ErasingContents extends Pick<Repositories, 'fileRecords'> {
  readonly store: Pick<EventStore, 'head'>;
  readonly readStore: Pick<Pool, 'query'>;
  readonly progress: Pick<ProjectionProgress, 'passed'>;
  readonly largePayloads: LargePayloads;
  readonly now: () => number;
}

export interface OrganizationErasure {
  readonly organizationId: OrganizationId;
  readonly metadata: CommandMetadata;
}

export interface RemovingContents extends OrganizationErasure {
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface RemovedContents {
  readonly payloads: number;
  readonly files: number;
}

/** How many executions it would end: one is not over while it has a hold. */
export async function executionsNotOver(
  accountStates: AccountStates,
  organizationId: OrganizationId,
): Promise<number> {
  const { holds } = await accountStates.read(organizationId);
  return holds.size;
}

/** It is recorded that the organization is erased; from then on no key is granted. */
export const recordErasure = (
  { organizations, now }: Pick<ErasingAccess, 'organizations' | 'now'>,
  { organizationId, metadata }: OrganizationErasure,
) => organizations.transact(organizationId, { type: 'Erase', at: timeOf(now) }, metadata);

/**
 * Its API keys are revoked and its data key is destroyed. Answers how many API keys it still had.
 */
export async function endAccess(
  { organizations, apiKeys, dataKeys, now }: ErasingAccess,
  { organizationId, metadata }: OrganizationErasure,
): Promise<number> {
  const { state } = await organizations.load(organizationId);
  const keys = state.status === 'created' ? state.keys : [];
  for (const keyId of keys) {
    const at = timeOf(now);
    await apiKeys.transact(keyId, { type: 'Revoke', organizationId, keyId, at }, metadata);
    const withdrawal = { type: 'WithdrawKey', keyId, at } as const;
    await organizations.transact(organizationId, withdrawal, metadata);
  }
  await dataKeys.destroy(organizationId);
  return keys.length;
}

/** How long a read model is waited for that has not all that the log has. */
const CAUGHT_UP_MS = 5_000;
const PAGE = 1_000;
const SAID_EVERY = 10_000;

/** Throws `StoreUnavailable` where not all files are known yet: it is to be done again then. */
export async function removeContents(
  erasing: ErasingContents,
  removing: RemovingContents,
): Promise<RemovedContents> {
  const payloads = (await removeSmall(erasing, removing)) + (await removeLarge(erasing, removing));
  const { progress, store } = erasing;
  const isComplete = await progress.passed('files', await store.head(), CAUGHT_UP_MS);
  const files = await deleteFiles(erasing, removing);
  if (isComplete) return { payloads, files };
  throw new StoreUnavailable('the read model of files is behind the log');
}

const timeOf = (now: () => number): string => new Date(now()).toISOString();

/** Once through the table, by its primary key: it has no index by organization. */
async function removeSmall(
  { readStore }: ErasingContents,
  removing: RemovingContents,
): Promise<number> {
  let removed = 0;
  for (let after: string | undefined = ''; after !== undefined;) {
    removing.signal.throwIfAborted();
    const values: readonly string[] = [removing.organizationId, after];
    const [row] = await rowsOf(readStore, { text: REMOVE_SMALL, values });
    if (!row) break;
    removed = said(removing, removed, Number(text(row, 'removed')), 'payloads removed');
    after = row['last'] === null ? undefined : text(row, 'last');
  }
  return removed;
}

/** A page of refs, and those of them that are the organization's. */
const REMOVE_SMALL = `
  WITH page AS MATERIALIZED (
    SELECT ref, organization_id FROM eventstore.payloads
    WHERE ref > $2 ORDER BY ref LIMIT ${PAGE}
  ), gone AS (
    DELETE FROM eventstore.payloads
    WHERE ref IN (SELECT ref FROM page WHERE organization_id = $1)
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone)::text AS removed, (SELECT max(ref) FROM page) AS last`;

async function removeLarge(
  { readStore, largePayloads }: ErasingContents,
  removing: RemovingContents,
): Promise<number> {
  const names = pages(readStore, removing, {
    text: `SELECT name FROM readmodel.large_payloads
      WHERE organization_id = $1 AND name > $2 ORDER BY name LIMIT ${PAGE}`,
    column: 'name',
  });
  let removed = 0;
  for await (const name of names) {
    await largePayloads.removeNamed(name);
    removed = said(removing, removed, 1, 'large payloads removed');
  }
  return removed;
}

/** Their bytes are removed by the system as those of any file that was deleted. */
async function deleteFiles(
  { readStore, fileRecords, now }: ErasingContents,
  removing: RemovingContents,
): Promise<number> {
  const ids = pages(readStore, removing, {
    text: `SELECT id FROM readmodel.files
      WHERE organization_id = $1 AND id > $2 AND status NOT IN ('gone', 'removed')
      ORDER BY id LIMIT ${PAGE}`,
    column: 'id',
  });
  let deleted = 0;
  for await (const id of ids) {
    const command = { type: 'Delete', at: timeOf(now) } as const;
    await fileRecords.transact(id, command, removing.metadata);
    deleted = said(removing, deleted, 1, 'files deleted');
  }
  return deleted;
}

async function* pages(
  readStore: Pick<Pool, 'query'>,
  { organizationId, signal }: RemovingContents,
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

function said({ say }: RemovingContents, before: number, more: number, what: string): number {
  const now = before + more;
  if (Math.floor(now / SAID_EVERY) > Math.floor(before / SAID_EVERY)) say(`${now} ${what}`);
  return now;
}
