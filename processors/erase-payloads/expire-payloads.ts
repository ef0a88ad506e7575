/**
 * Erases the payloads of executions that ended longer ago than their model or their organization
 * keeps them; the shorter time of both holds. One replica at a time does it, and asks for nothing
 * where no model and no organization says how long.
 *
 * The executions of an organization under one time are gone through in the order of their
 * acceptance. What is not over yet, or not for long enough, holds the way through back, until it is
 * due; since an execution has an end, it holds back little. Where all are gone through, nothing is
 * asked before the next of them can be due.
 */
import type { Catalogue } from '../../contracts/catalogue/catalogue.js';
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { erasePayloads } from '../../command-handling/erase-payloads.js';
import { pause } from '../../infra/concurrency/pause.js';
import { isOutage } from '../../infra/event-store/outage.js';
import { whileLeased } from '../../infra/leases/while-leased.js';
import { dueExecutions, type DueExecution } from '../../infra/read-store/due-executions.js';
import { rowsOf } from '../../infra/read-store/reading.js';
import { text } from '../../infra/read-store/table.js';
import type { Worker } from '../../infra/worker.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';

const NAME = 'expire-payloads';
const LEASE_MS = 10_000;
const PASS_EVERY_MS = 60_000;
const PAGE = 500;
const AT_ONCE = 8;
const DAY_MS = 86_400_000;

type Needed = Pick<
  Infra,
  | 'catalogue'
  | 'erasures'
  | 'executions'
  | 'fileRecords'
  | 'metrics'
  | 'now'
  | 'payloads'
  | 'quotas'
  | 'readStore'
  | 'store'
>;

/** Executions that are kept equally long. */
export interface KeptEqually {
  readonly days: number;
  /** Those of these models, or of all but these. */
  readonly models: readonly string[];
  readonly isAllBut: boolean;
}

/** How far one organization's executions under one time are gone through, by what names both. */
export type Ways = Map<string, Way>;

interface Way {
  /** Everything that was accepted before is erased. */
  readonly from: string;
  /** Nothing can be due before. */
  readonly nextMs: number;
}

export const expirePayloads = (infra: Infra): Worker => ({
  name: NAME,
  run: (signal) =>
    whileLeased({
      leases: infra.leases,
      name: NAME,
      holder: infra.instance,
      ttlMs: LEASE_MS,
      signal,
      work: (leased) => passUntil(infra, leased),
      onOutage: (err) =>
        infra.log.warn({ err }, 'the lease of the retention could not be asked for'),
    }),
});

async function passUntil(infra: Infra, signal: AbortSignal): Promise<void> {
  const ways: Ways = new Map();
  while (!signal.aborted) {
    try {
      await expireOnce(infra, ways, signal);
    } catch (err) {
      if (!isOutage(err)) throw err;
      infra.log.warn({ err }, 'payloads could not be erased in time; trying again');
    }
    await pause(PASS_EVERY_MS, signal);
  }
}

/** Erases all that is due now. Answers how many executions that were. */
export async function expireOnce(infra: Needed, ways: Ways, signal: AbortSignal): Promise<number> {
  const { quotas, catalogue } = infra;
  await quotas.refresh();
  const ofOrganizations = quotas.payloadTtls();
  const current = catalogue.current();
  const isOfAll = [...current.models.values()].some((model) => model.payloadTtlDays !== undefined);
  let erased = 0;
  for await (const id of isOfAll ? allOrganizations(infra) : ofOrganizations.keys())
    for (const kept of keptEqually(current, ofOrganizations.get(id))) {
      if (signal.aborted) return erased;
      erased += await goThrough(infra, ways, id, kept, signal);
    }
  return erased;
}

/** In how many groups the executions of an organization fall, by how long they are kept. */
export function keptEqually(
  { models }: Pick<Catalogue, 'models'>,
  ofOrganization: number | undefined,
): readonly KeptEqually[] {
  const byDays = new Map<number, string[]>();
  for (const { slug, payloadTtlDays: days } of models.values())
    if (days !== undefined && days < (ofOrganization ?? Infinity))
      byDays.set(days, [...(byDays.get(days) ?? []), slug]);
  const groups = [...byDays].map(([days, of]) => ({ days, models: of.sort(), isAllBut: false }));
  if (ofOrganization === undefined) return groups;
  const others = groups.flatMap((group) => group.models).sort();
  return [...groups, { days: ofOrganization, models: others, isAllBut: true }];
}

async function* allOrganizations({ readStore }: Needed): AsyncGenerator<OrganizationId> {
  for (let after = ''; ;) {
    const rows = await rowsOf(readStore, { text: ORGANIZATIONS, values: [after, PAGE] });
    for (const row of rows) yield text<OrganizationId>(row, 'id');
    if (rows.length < PAGE) return;
    after = text(rows.at(-1) ?? {}, 'id');
  }
}

const ORGANIZATIONS = 'SELECT id FROM readmodel.organizations WHERE id > $1 ORDER BY id LIMIT $2';

async function goThrough(
  infra: Needed,
  ways: Ways,
  organizationId: OrganizationId,
  kept: KeptEqually,
  signal: AbortSignal,
): Promise<number> {
  const name = JSON.stringify([organizationId, kept]);
  const nowMs = infra.now();
  const way = ways.get(name) ?? { from: BEGINNING, nextMs: 0 };
  if (nowMs < way.nextMs) return 0;
  const keptMs = kept.days * DAY_MS;
  // What is accepted from now on is not due before.
  let next: Way = { from: new Date(nowMs - keptMs).toISOString(), nextMs: nowMs + keptMs };
  let erased = 0;
  let isHeldBack = false;
  for (let after = { createdAt: way.from, id: '' }; !signal.aborted;) {
    const page = await dueExecutions(infra.readStore, {
      organizationId,
      ...kept,
      after,
      max: PAGE,
    });
    const due = page.filter((one) => isDue(one, nowMs - keptMs));
    erased += await eraseAll(infra, due, signal);
    const waits = page.find((one) => !one.isErased && !isDue(one, nowMs - keptMs));
    if (waits && !isHeldBack) {
      isHeldBack = true;
      const sinceMs = Date.parse(waits.endedAt ?? waits.createdAt);
      next = { from: waits.createdAt, nextMs: Math.max(nowMs, sinceMs + keptMs) };
    }
    const last = page.at(-1);
    if (page.length < PAGE || !last || Date.parse(last.createdAt) > nowMs - keptMs) break;
    after = last;
  }
  if (!signal.aborted) ways.set(name, next);
  return erased;
}

const BEGINNING = '0001-01-01T00:00:00.000Z';

const isDue = ({ endedAt, isErased }: DueExecution, beforeMs: number): boolean =>
  !isErased && endedAt !== undefined && Date.parse(endedAt) <= beforeMs;

async function eraseAll(
  infra: Needed,
  due: readonly { readonly id: ExecutionId }[],
  signal: AbortSignal,
): Promise<number> {
  let erased = 0;
  const queue = due.values();
  const lane = async () => {
    for (const { id } of queue) {
      if (signal.aborted) return;
      const metadata = metadataOf(NAME, id, NAME);
      const { outcome } = await erasePayloads(infra, id, { cause: 'retention', metadata });
      infra.metrics.handled.inc({ group: NAME, outcome });
      if (outcome === 'erased') erased += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return erased;
}
