/** Every movement of an organization's money, newest first, as JSON or as CSV. */
import { ledgerEntrySchema, ledgerQuery } from '../../contracts/http/billing.js';
import { listOf, withExample } from '../../contracts/http/parts.js';
import { derivedUuid, type OrganizationId } from '../../contracts/ids.js';
import { formatMoney } from '../../contracts/money.js';
import type { ApiRequest, Route } from '../../http/server/route.js';
import { START, type Position } from '../../infra/event-store/port.js';
import { questionOf, sql } from '../../infra/read-store/query-builder.js';
import { readLedgerEntry, type LedgerRow } from '../../infra/read-store/tables/billing.js';
import { accountThen } from '../as-of/account-then.js';
import { asOfName, tenantCut, type AsOfInfra } from '../as-of/asked.js';
import { caughtUp, caughtUpTo } from '../caught-up.js';
import { csvLine, csvPages, csvReply, wantsCsv } from '../csv.js';
import { listBody, listReply, type ListName, type Place } from '../cursor.js';
import { createdRangeOf, whereInRange, type Range } from '../created-range.js';
import type { ListInfra } from '../query-infra.js';

const CSV_EXAMPLE =
  'id,created_at,type,amount,balance,execution_id\r\n' +
  'entry_7b0a6c1e-52d4-5c0f-9d6a-3e1f,2026-01-31T12:00:00.000Z,TOP_UP,100.000,100.000,\r\n';

const COLUMNS = ['id', 'created_at', 'type', 'amount', 'balance', 'execution_id'];

type LedgerInfra = AsOfInfra & ListInfra;

export const getLedger = (infra: LedgerInfra): Route => ({
  method: 'GET',
  path: '/billing/ledger',
  summary: 'List ledger entries',
  description:
    'Newest first. With `Accept: text/csv` every entry that matches is streamed as CSV ' +
    '(RFC 4180), or as many as `limit` says when it is given. With `as_of` it ends where it ' +
    'ended then.',
  tag: 'Billing',
  audience: 'tenant',
  permission: 'billing:read',
  querySchema: ledgerQuery,
  replySchemas: { 200: listOf('Ledger', ledgerEntrySchema) },
  replyTypes: { 'text/csv': withExample({ type: 'string' }, CSV_EXAMPLE) },
  replyHeaders: ['Content-Disposition', 'Link'],
  async handle(request, { organizationId }) {
    const list: ListName = ['ledger', organizationId, ...asOfName(request)];
    const { limit, after } = infra.cursors.pageOf(request, list, ['position', 'number']);
    const end = await endAsked(infra, request, organizationId);
    const filter = { ...filterOf(request, organizationId), end };
    if (wantsCsv(request)) {
      const linesMax = request.query.has('limit') ? limit : Infinity;
      const readFrom = (from: Place | undefined, atMost: number) =>
        read(infra, filter, from, atMost);
      const csv = { columns: COLUMNS, read: readFrom, placeOf: pointOf, lineOf: entryLine };
      return csvReply('ledger', csvPages(csv, after, linesMax));
    }
    const entries = await read(infra, filter, after, limit + 1);
    const cursorAt = (entry: LedgerRow) => infra.cursors.cursorOf(list, pointOf(entry));
    return listReply(request, listBody(entries, limit, entryBody, cursorAt));
  },
});

/** The last position of the ledger as it was; undefined where it is read as it is now. */
async function endAsked(
  infra: LedgerInfra,
  request: ApiRequest,
  organizationId: OrganizationId,
): Promise<Position | undefined> {
  const cut = await tenantCut(infra, request, organizationId);
  if (!cut) {
    await caughtUp(infra, 'ledger_entries');
    return undefined;
  }
  const { position } = (await accountThen(infra, organizationId, cut)) ?? { position: START };
  await caughtUpTo(infra, 'ledger_entries', position);
  return position;
}

interface Filter {
  readonly organizationId: OrganizationId;
  readonly end: Position | undefined;
  readonly type: string | undefined;
  readonly executionId: string | undefined;
  readonly range: Range;
}

function filterOf(request: ApiRequest, organizationId: OrganizationId): Omit<Filter, 'end'> {
  const values = request.queryValues as { type?: string; execution_id?: string };
  const { type, execution_id: executionId } = values;
  return { organizationId, type, executionId, range: createdRangeOf(request) };
}

async function read(
  { reads }: Pick<ListInfra, 'reads'>,
  { organizationId, end, type, executionId, range }: Filter,
  after: Place | undefined,
  limit: number,
): Promise<readonly LedgerRow[]> {
  const query = sql('readmodel.ledger_entries')
    .where('organization_id', organizationId)
    .orderBy([
      { column: 'position', order: 'desc' },
      { column: 'leg', order: 'desc' },
    ])
    .limit(limit);
  if (end !== undefined) void query.where('position', '<=', `${end}`);
  if (type !== undefined) void query.where('entry_type', type);
  if (executionId !== undefined) void query.where('execution_id', executionId);
  whereInRange(query, 'at', range);
  if (after) void query.whereRaw('(position, leg) < (?::bigint, ?::bigint)', [...after]);
  const rows = await reads.rows(organizationId, questionOf(query));
  return rows.map(readLedgerEntry);
}

const pointOf = ({ position, leg }: LedgerRow): Place => [`${position}`, leg];

/** Positions are not shown: they would reveal the volume of all tenants. */
const entryBody = (entry: LedgerRow) => ({
  id: `entry_${derivedUuid(`ledger/${entry.position}/${entry.leg}`)}`,
  type: entry.entryType,
  amount: formatMoney(entry.amount),
  balance: formatMoney(entry.balance),
  execution_id: entry.executionId ?? null,
  created_at: entry.at,
});

function entryLine(entry: LedgerRow): string {
  const { id, created_at, type, amount, balance, execution_id } = entryBody(entry);
  return csvLine([id, created_at, type, amount, balance, execution_id ?? '']);
}
