/** An organization's executions, newest first. */
import { executionSchema } from '../../contracts/http/execution.js';
import { executionsQuery, METADATA_PARAMETER } from '../../contracts/http/executions.js';
import { listOf } from '../../contracts/http/parts.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { isOver, type PublicStatus } from '../../domain/execution/view.js';
import type { ApiRequest, Route } from '../../http/server/route.js';
import { rowsOf, type Question } from '../../infra/read-store/reading.js';
import { text, type Row } from '../../infra/read-store/table.js';
import { labelOf } from '../../infra/read-store/tables/executions.js';
import { caughtUp } from '../caught-up.js';
import { cursorOf, listBody, pageOf, type Page } from '../cursor.js';
import { createdRangeOf, openConditions, type Range } from '../filters.js';
import type { QueryInfra } from '../query-infra.js';

const KIND = 'executions';

export const getExecutions = (
  infra: Pick<QueryInfra, 'progress' | 'readStore' | 'store'>,
): Route => ({
  method: 'GET',
  path: '/executions',
  summary: 'List executions',
  description:
    'Newest first. Filters are joined by AND; `metadata[order]=4711` matches the metadata key ' +
    '`order`, and may be given for several keys.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'EXECUTION_ONLY',
  querySchema: executionsQuery,
  replySchemas: { 200: listOf('ExecutionList', executionSchema) },
  async handle(request, { organizationId }) {
    const filter = filterOf(request);
    await caughtUp(infra, 'executions');
    const rows = await rowsOf(infra.readStore, questionOf(organizationId, filter));
    return { status: 200, raw: listText(rows, filter.page.limit) };
  },
});

interface Filter {
  readonly page: Page;
  readonly range: Range;
  readonly status: PublicStatus | undefined;
  readonly model: string | undefined;
  readonly metadata: readonly (readonly [name: string, value: string])[];
}

function filterOf(request: ApiRequest): Filter {
  const { status, model } = request.queryValues as { status?: PublicStatus; model?: string };
  const metadata: [string, string][] = [];
  for (const [parameter, value] of Object.entries(request.queryValues)) {
    const name = METADATA_PARAMETER.exec(parameter)?.[1];
    if (name !== undefined) metadata.push([name, String(value)]);
  }
  const page = pageOf(request, KIND, ['number', 'text']);
  return { page, range: createdRangeOf(request), status, model, metadata };
}

const placeOf = (row: Row): string =>
  cursorOf(KIND, [(row['created_at'] as Date).getTime(), text(row, 'id')]);

/** The bodies are JSON already. */
function listText(rows: readonly Row[], limit: number): string {
  const { data, next_cursor } = listBody(rows, limit, (row) => text(row, 'body'), placeOf);
  return `{"data":[${data.join(',')}],"next_cursor":${JSON.stringify(next_cursor)}}`;
}

/**
 * Walks one index in the order of the list: that of a label where a filter has one, otherwise that
 * of the organization (and model).
 */
function questionOf(organizationId: OrganizationId, filter: Filter): Question {
  const { page, range, status, model } = filter;
  const [label, ...otherLabels] = labelsOf(organizationId, filter);
  const [at, id] = label ? ['l.created_at', 'l.execution_id'] : ['e.created_at', 'e.id'];
  const where = openConditions();
  where.add('e.organization_id = ?', organizationId);
  if (label) where.add('l.label = ?', label);
  for (const other of otherLabels)
    where.add(
      `EXISTS (
        SELECT FROM readmodel.execution_labels o
        WHERE o.label = ? AND o.created_at = ${at} AND o.execution_id = ${id}
      )`,
      other,
    );
  if (status) where.add('e.status = ?', status);
  if (model !== undefined) where.add('e.model = ?', model);
  if (range.from) where.add(`${at} >= ?`, range.from);
  if (range.to) where.add(`${at} < ?`, range.to);
  if (page.after)
    where.add(`(${at}, ${id}) < (?, ?)`, new Date(Number(page.after[0])), page.after[1]);
  const from = label
    ? 'readmodel.execution_labels l JOIN readmodel.executions e ON e.id = l.execution_id'
    : 'readmodel.executions e';
  const sql = `
    SELECT e.id, e.created_at, e.body::text AS body FROM ${from}
    WHERE ${where.toString()}
    ORDER BY ${at} DESC, ${id} DESC
    LIMIT ${where.parameter(page.limit + 1)}`;
  return { text: sql, values: where.values };
}

/** The first is walked: what is open is little, then what the caller chose to tell apart. */
function labelsOf(organizationId: OrganizationId, { status, metadata }: Filter): string[] {
  const pairs = metadata.map(([name, value]) => labelOf(organizationId, 'metadata', name, value));
  if (!status || status === 'COMPLETED') return pairs;
  return isOver(status)
    ? [...pairs, labelOf(organizationId, 'status', status)]
    : [labelOf(organizationId, 'open'), ...pairs];
}
