/** What was charged, by day, model, key and metadata, as JSON or as CSV. */
import { hash } from 'node:crypto';
import { usageQuery, usageSchema } from '../../contracts/http/billing.js';
import { withExample } from '../../contracts/http/parts.js';
import { formatMoney } from '../../contracts/money.js';
import type { Route } from '../../http/server/route.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { count } from '../../infra/read-store/table.js';
import { caughtUp } from '../caught-up.js';
import { csvLine, csvReply, textCell, wantsCsv } from '../csv.js';
import { listBody, listReply, unknownCursor, type ListName, type Page } from '../cursor.js';
import type { ListInfra } from '../query-infra.js';
import { fieldOf, usageQuestionOf, type Dimension } from './usage-question.js';
import { CHARGES_MAX, GROUPS_MAX, openUsageSums, type UsageGroup } from './usage-sums.js';

const CSV_EXAMPLE = 'day,model,cost,count\r\n2026-01-31,flux-1.1-pro,12.345,308\r\n';

export const getUsage = (infra: ListInfra): Route => {
  const sums = openUsageSums(infra);
  return {
    method: 'GET',
    path: '/billing/usage',
    summary: 'Add up usage',
    description:
      'Cost and number of what was charged, by one dimension or two. An execution counts when ' +
      'it is settled, so that a range has the sum of the `SETTLEMENT` entries of the same range ' +
      'of the ledger, to the micro-dollar; what failed, was cancelled or expired cost nothing ' +
      `and is not counted. At most ${GROUPS_MAX} groups, and by metadata ${CHARGES_MAX} ` +
      'executions, are answered: ask for shorter ranges then. With `Accept: text/csv` each group ' +
      'comes as CSV (RFC 4180), or as many as `limit` says; a value of yours that a spreadsheet ' +
      'would take for a formula begins with an apostrophe there.',
    tag: 'Billing',
    audience: 'tenant',
    permission: 'billing:read',
    querySchema: usageQuery,
    headers: { Accept: '`text/csv` for CSV.' },
    replySchemas: { 200: usageSchema },
    replyTypes: { 'text/csv': withExample({ type: 'string' }, CSV_EXAMPLE) },
    replyHeaders: ['Content-Disposition', 'Link'],
    async handle(request, { organizationId }) {
      const question = usageQuestionOf(request);
      const { dimensions, days, spans } = question;
      const asked = JSON.stringify([dimensions, days, spans.map(({ from, to }) => [from, to])]);
      const list: ListName = ['usage', organizationId, hash('sha256', asked, 'hex')];
      const page = infra.cursors.pageOf(request, list, ['number', 'text']);
      await requireBuilt(infra);
      await caughtUp(infra, 'executions');
      if (spans.length > 0) await caughtUp(infra, 'ledger_entries');
      const groups = await sums.of(organizationId, question, request.ended);
      const begin = beginOf(groups, page);
      if (wantsCsv(request)) {
        const rest = groups.slice(
          begin,
          request.query.has('limit') ? begin + page.limit : undefined,
        );
        return csvReply('usage', csvChunks(dimensions, rest));
      }
      const rest = groups.slice(begin, begin + page.limit + 1);
      const cursorAt = (group: UsageGroup) =>
        infra.cursors.cursorOf(list, [groups.indexOf(group), digestOf(group)]);
      const body = listBody(rest, page.limit, bodyOf(dimensions), cursorAt);
      return listReply(request, { ...body, total: totalOf(groups) });
    },
  };
};

/** The first version of the projection that adds up usage. */
const VERSION = 6;

/** Until then the sums lack what was charged under an earlier release. */
async function requireBuilt({ reads }: ListInfra): Promise<void> {
  const [row] = await reads.byKey({
    name: 'usage: version',
    text: "SELECT version FROM readmodel.projections WHERE name = 'executions'",
  });
  if (!row || count(row, 'version') >= VERSION) return;
  throw new StoreUnavailable('usage is being built from the log');
}

/** Groups come in between while a reader pages, and none goes. */
function beginOf(groups: readonly UsageGroup[], { after }: Page): number {
  if (!after) return 0;
  const [index, digest] = after;
  const there = groups[Number(index)];
  if (there && digestOf(there) === digest) return Number(index) + 1;
  const found = groups.findIndex((group) => digestOf(group) === digest);
  if (found < 0) throw unknownCursor();
  return found + 1;
}

const digestOf = ({ values }: UsageGroup): string => hash('sha256', JSON.stringify(values), 'hex');

const bodyOf =
  (dimensions: readonly Dimension[]) =>
  ({ values, executions, cost }: UsageGroup) => {
    const named = dimensions.map((dimension, index) => [fieldOf(dimension), values[index]]);
    const sums = { cost: formatMoney(cost), count: Number(executions) };
    return { ...(Object.fromEntries(named) as Record<string, string | null>), ...sums };
  };

function totalOf(groups: readonly UsageGroup[]) {
  let [cost, executions] = [0n, 0n];
  for (const group of groups) {
    cost += group.cost;
    executions += group.executions;
  }
  return { cost: formatMoney(cost), count: Number(executions) };
}

const CHUNK_LINES = 1_000;

async function* csvChunks(
  dimensions: readonly Dimension[],
  groups: readonly UsageGroup[],
): AsyncGenerator<string> {
  yield csvLine([...dimensions.map((one) => textCell(fieldOf(one))), 'cost', 'count']);
  for (let begin = 0; begin < groups.length; begin += CHUNK_LINES)
    yield groups
      .slice(begin, begin + CHUNK_LINES)
      .map(usageLine)
      .join('');
}

const usageLine = ({ values, executions, cost }: UsageGroup): string =>
  csvLine([...values.map(textCell), formatMoney(cost), String(executions)]);
