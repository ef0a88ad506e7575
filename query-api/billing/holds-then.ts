/**
 * The holds that were open at an earlier moment, the newest first. The account's last events before
 * the cut tell those that were placed within them; an older one that was open then is open still or
 * was so for long, and has a row.
 */
import { readFileSync } from 'node:fs';
import type { AccountEvent } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import {
  readHold,
  SHORT_HOLD_EVENTS,
  type HoldRow,
} from '../../infra/read-store/tables/billing.js';
import { accountThen } from '../as-of/account-then.js';
import type { Cut } from '../as-of/cut.js';
import { caughtUpTo } from '../caught-up.js';
import type { Range } from '../created-range.js';
import type { QueryInfra } from '../query-infra.js';

type HoldsInfra = Pick<QueryInfra, 'progress' | 'reads' | 'store'>;

interface HoldFilter {
  readonly organizationId: OrganizationId;
  readonly executionId: string | undefined;
  readonly range: Range;
}

/** At most `limit` of them, placed before that position where one is given. */
export type HoldsThen = (before: bigint | undefined, limit: number) => Promise<readonly HoldRow[]>;

const SQL = readFileSync(new URL('./read-holds-then.sql', import.meta.url), 'utf8');

/** Throws `StoreUnavailable` while the read model lacks what it needs. */
export async function openHoldsThen(
  infra: HoldsInfra,
  filter: HoldFilter,
  cut: Cut,
): Promise<HoldsThen> {
  const { organizationId } = filter;
  const last = await accountThen(infra, organizationId, cut);
  if (!last) return () => Promise.resolve([]);
  await caughtUpTo(infra, 'holds', last.position);
  await requireLongHolds(infra, organizationId);
  const events = await eventsUpTo(infra, last);
  const first = events[0] ?? last;
  const recent = openHolds(events).filter((hold) => passes(hold, filter));
  return async (before, limit) => {
    const found = recent
      .filter(({ position }) => before === undefined || position < before)
      .slice(0, limit);
    if (found.length === limit || first.revision === 0) return found;
    const end = before !== undefined && before < first.position ? before : first.position;
    const older = await rowsBefore(infra, filter, { at: last.position, end, limit });
    return [...found, ...older].slice(0, limit);
  };
}

/** Rows of an earlier release do not say how long a hold was open. */
async function requireLongHolds(
  { reads }: HoldsInfra,
  organizationId: OrganizationId,
): Promise<void> {
  const [row] = await reads.rows(organizationId, {
    name: 'holds: version',
    text: "SELECT version FROM readmodel.projections WHERE name = 'holds'",
  });
  if (Number(row?.['version']) >= KNOWS_LONG_HOLDS) return;
  throw new StoreUnavailable('the holds are being rebuilt for questions about earlier moments');
}

const KNOWS_LONG_HOLDS = 2;

/** The account's events up to and with the last one, as many as a short hold is open for. */
async function eventsUpTo(
  { store }: HoldsInfra,
  { stream, revision }: RecordedEvent<AccountEvent>,
): Promise<readonly RecordedEvent<AccountEvent>[]> {
  const options = {
    fromRevision: revision,
    direction: 'backward',
    limit: SHORT_HOLD_EVENTS,
  } as const;
  const events = await store.readStream(stream, options);
  return events.toReversed() as readonly RecordedEvent<AccountEvent>[];
}

/** The holds that these events placed and did not end, the newest first. */
function openHolds(events: readonly RecordedEvent<AccountEvent>[]): readonly HoldRow[] {
  const open = new Map<string, HoldRow>();
  for (const { type, data, position } of events) {
    if (type === 'HoldPlaced') {
      const { holdId, organizationId, executionId, generation, amount, at: placedAt } = data;
      const hold = { holdId, organizationId, executionId, generation, amount, placedAt, position };
      open.set(holdId, hold);
    }
    if (type === 'HoldSettled' || type === 'HoldReleased') open.delete(data.holdId);
  }
  return [...open.values()].reverse();
}

function passes({ executionId, placedAt }: HoldRow, filter: HoldFilter): boolean {
  const { from, to } = filter.range;
  const placedMs = Date.parse(placedAt);
  if (filter.executionId !== undefined && executionId !== filter.executionId) return false;
  return (!from || placedMs >= from.getTime()) && (!to || placedMs < to.getTime());
}

interface RowsAsked {
  readonly at: bigint;
  /** They were placed before it. */
  readonly end: bigint;
  readonly limit: number;
}

async function rowsBefore(
  { reads }: HoldsInfra,
  { organizationId, executionId, range }: HoldFilter,
  { at, end, limit }: RowsAsked,
): Promise<readonly HoldRow[]> {
  const { from = null, to = null } = range;
  const rows = await reads.rows(organizationId, {
    name: 'holds then',
    text: SQL,
    values: [organizationId, at, end, executionId ?? null, from, to, limit],
  });
  return rows.map(readHold);
}
