/** An organization's open holds, newest first, as JSON or as CSV. */
import { holdSchema, holdsQuery } from '../../contracts/http/billing.js';
import { listOf, withExample } from '../../contracts/http/parts.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { formatMoney } from '../../contracts/money.js';
import type { ApiRequest, Route } from '../../http/server/route.js';
import { questionOf, sql } from '../../infra/read-store/query-builder.js';
import { readHold, type HoldRow } from '../../infra/read-store/tables/billing.js';
import { asOfName, tenantCut, type AsOfInfra } from '../as-of/asked.js';
import { caughtUp } from '../caught-up.js';
import { createdRangeOf, whereInRange, type Range } from '../created-range.js';
import { csvLine, csvPages, csvReply, wantsCsv } from '../csv.js';
import { listBody, listReply, type ListName, type Place } from '../cursor.js';
import type { ListInfra } from '../query-infra.js';
import { openHoldsThen } from './holds-then.js';

const COLUMNS = ['id', 'created_at', 'amount', 'execution_id'];

const CSV_EXAMPLE =
  'id,created_at,amount,execution_id\r\nhold_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44,' +
  '2026-01-31T12:00:00.000Z,0.048,exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44\r\n';

type HoldsInfra = AsOfInfra & ListInfra;

export const getHolds = (infra: HoldsInfra): Route => ({
  method: 'GET',
  path: '/billing/holds',
  summary: 'List open holds',
  description:
    'What is reserved for executions that are not over, the newest first. With ' +
    '`Accept: text/csv` all that match come as CSV, or as many as `limit` says. With `as_of` ' +
    'those that were open then.',
  tag: 'Billing',
  audience: 'tenant',
  permission: 'billing:read',
  querySchema: holdsQuery,
  headers: { Accept: '`text/csv` for CSV.' },
  replySchemas: { 200: listOf('Holds', holdSchema) },
  replyTypes: { 'text/csv': withExample({ type: 'string' }, CSV_EXAMPLE) },
  replyHeaders: ['Content-Disposition', 'Link'],
  async handle(request, { organizationId }) {
    const { cursors } = infra;
    const list: ListName = ['holds', organizationId, ...asOfName(request)];
    const { limit, after } = cursors.pageOf(request, list, ['position']);
    const read = await openRead(infra, request, organizationId);
    if (wantsCsv(request)) {
      const linesMax = request.query.has('limit') ? limit : Infinity;
      const csv = { columns: COLUMNS, read, placeOf, lineOf };
      return csvReply('holds', csvPages(csv, after, linesMax));
    }
    const rows = await read(after, limit + 1);
    const cursorAt = (hold: HoldRow) => cursors.cursorOf(list, placeOf(hold));
    return listReply(request, listBody(rows, limit, bodyOf, cursorAt));
  },
});

type Read = (after: Place | undefined, limit: number) => Promise<readonly HoldRow[]>;

async function openRead(
  infra: HoldsInfra,
  request: ApiRequest,
  organizationId: OrganizationId,
): Promise<Read> {
  const filter = filterOf(request, organizationId);
  const cut = await tenantCut(infra, request, organizationId);
  if (cut) {
    const holdsThen = await openHoldsThen(infra, filter, cut);
    return (after, limit) => holdsThen(after && BigInt(String(after[0])), limit);
  }
  await caughtUp(infra, 'holds');
  return (after, limit) => readAll(infra, filter, after, limit);
}

interface Filter {
  readonly organizationId: OrganizationId;
  readonly executionId: string | undefined;
  readonly range: Range;
}

function filterOf(request: ApiRequest, organizationId: OrganizationId): Filter {
  const { execution_id: executionId } = request.queryValues as { execution_id?: string };
  return { organizationId, executionId, range: createdRangeOf(request) };
}

async function readAll(
  { reads }: Pick<ListInfra, 'reads'>,
  { organizationId, executionId, range }: Filter,
  after: Place | undefined,
  limit: number,
): Promise<readonly HoldRow[]> {
  const query = sql('readmodel.holds')
    .where('organization_id', organizationId)
    .orderBy('position', 'desc')
    .limit(limit);
  if (executionId !== undefined) void query.where('execution_id', executionId);
  whereInRange(query, 'placed_at', range);
  if (after) void query.where('position', '<', String(after[0]));
  return (await reads.rows(organizationId, questionOf(query))).map(readHold);
}

const placeOf = ({ position }: HoldRow): Place => [`${position}`];

const bodyOf = ({ holdId, executionId, amount, placedAt }: HoldRow) => ({
  id: holdId,
  execution_id: executionId,
  amount: formatMoney(amount),
  created_at: placedAt,
});

const lineOf = ({ holdId, executionId, amount, placedAt }: HoldRow): string =>
  csvLine([holdId, placedAt, formatMoney(amount), executionId]);
