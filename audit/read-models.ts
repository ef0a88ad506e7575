/**
 * What the read models say, read at one moment, and where in the log each of them stood. Sums only:
 * they are held in memory until the auditor of the log comes to the same position.
 */
import { readFileSync } from 'node:fs';
import type { Pool } from 'pg';
import type { OrganizationId } from '../contracts/ids.js';
import type { Micros } from '../contracts/money.js';
import type { DeliveryStatus, Status } from './open-items.js';

export interface ReadModels {
  readonly projections: readonly ProjectionSeen[];
  readonly balances: ReadonlyMap<OrganizationId, Balance>;
  readonly ledger: ReadonlyMap<OrganizationId, LedgerSums>;
  readonly holds: ReadonlyMap<OrganizationId, { readonly open: bigint; readonly amount: Micros }>;
  readonly executions: ReadonlyMap<OrganizationId, ReadonlyMap<Status, number>>;
  /** What its owner is shown that its executions cost, summed. */
  readonly costs: ReadonlyMap<OrganizationId, Micros>;
  readonly deliveries: ReadonlyMap<DeliveryStatus, number>;
  readonly feeds: ReadonlyMap<OrganizationId, FeedSeen>;
}

export interface ProjectionSeen {
  readonly name: string;
  readonly tables: readonly string[];
  readonly position: bigint;
  readonly generation: number;
  /** Why an event holds it up. */
  readonly stoppedBy: string | undefined;
}

/** One feed: how many events, under which numbers, and how many not in the order of the log. */
interface FeedSeen {
  readonly events: bigint;
  readonly first: bigint;
  readonly last: bigint;
  readonly disordered: bigint;
}

interface Balance {
  readonly available: Micros;
  readonly held: Micros;
  readonly revision: number;
  readonly position: bigint;
}

interface LedgerSums {
  /** By `<from>>` + `<to>`, the two books. */
  readonly moved: Map<string, Micros>;
  slips: { readonly count: bigint; readonly first: bigint } | undefined;
}

const READS_MAX = 10;

/** Undefined when tables were swapped under the reader's eyes each time that it looked. */
export async function readReadModels(pool: Pool): Promise<ReadModels | undefined> {
  for (let reads = 0; reads < READS_MAX; reads++) {
    const seen = await readOnce(pool);
    const now = new Map((await projectionsOf(pool)).map((one) => [one.name, one.generation]));
    // A swap replaces tables whatever moment a transaction reads at, so such a reading is void.
    if (seen.projections.every(({ name, generation }) => now.get(name) === generation)) return seen;
  }
  return undefined;
}

type Asker = Pick<Pool, 'query'>;

async function readOnce(pool: Pool): Promise<ReadModels> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const models = {
      projections: await projectionsOf(client),
      balances: await balancesOf(client),
      ledger: await ledgerOf(client),
      holds: await holdsOf(client),
      ...(await executionsOf(client)),
      deliveries: await deliveriesOf(client),
      feeds: await feedsOf(client),
    };
    await client.query('COMMIT');
    return models;
  } finally {
    client.release(true);
  }
}

const sql = (name: string): string =>
  readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');

async function projectionsOf(asker: Asker): Promise<readonly ProjectionSeen[]> {
  const { rows } = await asker.query<{
    name: string;
    tables: string[];
    position: bigint;
    generation: number;
    error: string | null;
  }>('SELECT name, tables, position, generation, error FROM readmodel.projections ORDER BY name');
  return rows.map(({ error, ...seen }) => ({ ...seen, stoppedBy: error ?? undefined }));
}

async function balancesOf(asker: Asker): Promise<ReadModels['balances']> {
  const { rows } = await asker.query<{
    organization_id: OrganizationId;
    available_micros: bigint;
    held_micros: bigint;
    revision: number;
    position: bigint;
  }>(sql('read-balances'));
  return new Map(
    rows.map(({ organization_id, available_micros, held_micros, revision, position }) => [
      organization_id,
      { available: available_micros, held: held_micros, revision, position },
    ]),
  );
}

async function ledgerOf(asker: Asker): Promise<ReadModels['ledger']> {
  const ledger = new Map<OrganizationId, LedgerSums>();
  const of = (id: OrganizationId): LedgerSums => {
    const sums = ledger.get(id) ?? { moved: new Map<string, Micros>(), slips: undefined };
    ledger.set(id, sums);
    return sums;
  };
  const moved = await asker.query<{
    organization_id: OrganizationId;
    from_book: string;
    to_book: string;
    micros: string;
  }>(sql('read-ledger'));
  for (const { organization_id, from_book, to_book, micros } of moved.rows)
    of(organization_id).moved.set(`${from_book}>${to_book}`, BigInt(micros));
  const slips = await asker.query<{
    organization_id: OrganizationId;
    slips: bigint;
    first: bigint;
  }>(sql('read-ledger-slips'));
  for (const { organization_id, slips: count, first } of slips.rows)
    of(organization_id).slips = { count, first };
  return ledger;
}

async function holdsOf(asker: Asker): Promise<ReadModels['holds']> {
  const { rows } = await asker.query<{
    organization_id: OrganizationId;
    open: bigint;
    micros: string;
  }>(sql('read-holds'));
  return new Map(
    rows.map(({ organization_id, open, micros }) => [
      organization_id,
      { open, amount: BigInt(micros) },
    ]),
  );
}

async function executionsOf(asker: Asker): Promise<Pick<ReadModels, 'executions' | 'costs'>> {
  const tallies = new Map<OrganizationId, Map<Status, number>>();
  const costs = new Map<OrganizationId, Micros>();
  const { rows } = await asker.query<{
    organization_id: OrganizationId;
    status: Status;
    executions: bigint;
    cost_micros: string | null;
  }>(sql('read-executions'));
  for (const { organization_id, status, executions, cost_micros: micros } of rows) {
    const tally = tallies.get(organization_id) ?? new Map<Status, number>();
    tallies.set(organization_id, tally.set(status, Number(executions)));
    if (micros !== null)
      costs.set(organization_id, (costs.get(organization_id) ?? 0n) + BigInt(micros));
  }
  return { executions: tallies, costs };
}

async function deliveriesOf(asker: Asker): Promise<ReadModels['deliveries']> {
  const { rows } = await asker.query<{ status: DeliveryStatus; deliveries: bigint }>(
    sql('read-deliveries'),
  );
  return new Map(rows.map(({ status, deliveries }) => [status, Number(deliveries)]));
}

async function feedsOf(asker: Asker): Promise<ReadModels['feeds']> {
  const { rows } = await asker.query<FeedSeen & { organization_id: OrganizationId }>(
    sql('read-feeds'),
  );
  return new Map(rows.map(({ organization_id, ...seen }) => [organization_id, seen]));
}
