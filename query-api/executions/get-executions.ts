/** An organization's executions, newest first. */
import type { Knex } from 'knex';
import { executionSchema, STATUSES } from '../../contracts/http/execution.js';
import {
  executionsQuery,
  METADATA_FILTERS_MAX,
  METADATA_PARAMETER,
} from '../../contracts/http/executions.js';
import { listOf } from '../../contracts/http/parts.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { PublicStatus } from '../../domain/execution/view.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import type { Question } from '../../infra/read-store/reading.js';
import { questionOf, sql } from '../../infra/read-store/query-builder.js';
import { count, text, type Row } from '../../infra/read-store/table.js';
import { labelOf } from '../../infra/read-store/tables/executions.js';
import { caughtUp } from '../caught-up.js';
import { linkToNext, listBody, type ListName, type Page, type Place } from '../cursor.js';
import { createdRangeOf, whereInRange, type Range } from '../created-range.js';
import type { ListInfra } from '../query-infra.js';

export const getExecutions = (infra: ListInfra): Route => ({
  method: 'GET',
  path: '/executions',
  summary: 'List executions',
  description:
    'Newest first, unless `order=asc`. Filters are joined by AND; `metadata[order]=4711` matches ' +
    'the metadata key `order`, and may be given for up to 16 keys.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:read',
  querySchema: executionsQuery,
  replySchemas: { 200: listOf('ExecutionList', executionSchema) },
  replyHeaders: ['Link'],
  async handle(request, { organizationId }) {
    const list: ListName = ['executions', organizationId];
    const page = infra.cursors.pageOf(request, list, ['number', 'text']);
    const filter = filterOf(request, page);
    await caughtUp(infra, 'executions');
    const question = await questionFor(infra, organizationId, filter);
    const rows = await infra.reads.rows(organizationId, question);
    const cursorAt = (row: Row) => infra.cursors.cursorOf(list, placeOf(row));
    return listText(
      request,
      listBody(rows, page.limit, (row) => text(row, 'body'), cursorAt),
    );
  },
});

interface Filter {
  readonly page: Page;
  readonly range: Range;
  /** Undefined for any. */
  readonly statuses: readonly PublicStatus[] | undefined;
  readonly model: string | undefined;
  readonly apiKeyId: string | undefined;
  readonly batchId: string | undefined;
  readonly order: 'asc' | 'desc';
  readonly metadata: readonly (readonly [name: string, value: string])[];
}

function filterOf(request: ApiRequest, page: Page): Filter {
  const values = request.queryValues as {
    readonly status?: string;
    readonly model?: string;
    readonly api_key_id?: string;
    readonly batch_id?: string;
    readonly order: 'asc' | 'desc';
  };
  const metadata: [string, string][] = [];
  for (const [parameter, value] of Object.entries(request.queryValues)) {
    const name = METADATA_PARAMETER.exec(parameter)?.[1];
    if (name !== undefined) metadata.push([name, String(value)]);
  }
  if (metadata.length > METADATA_FILTERS_MAX) throw tooManyFilters();
  const { status, model, api_key_id: apiKeyId, batch_id: batchId, order } = values;
  const named = [...new Set(status?.split(','))] as PublicStatus[];
  const statuses = named.length > 0 && named.length < STATUSES.length ? named : undefined;
  const range = createdRangeOf(request);
  return { page, range, statuses, model, apiKeyId, batchId, order, metadata };
}

const tooManyFilters = (): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    {
      field: 'metadata',
      code: 'max_properties',
      message: `at most ${METADATA_FILTERS_MAX} keys can be matched`,
    },
  ]);

const placeOf = (row: Row): Place => [(row['created_at'] as Date).getTime(), text(row, 'id')];

/** The bodies are JSON already. */
function listText(
  request: ApiRequest,
  { data, next_cursor }: ReturnType<typeof listBody<Row, string>>,
): Reply {
  const raw = `{"data":[${data.join(',')}],"next_cursor":${JSON.stringify(next_cursor)}}`;
  return { status: 200, headers: linkToNext(request, next_cursor), raw };
}

/** Each status has an index of its own to walk; several are merged, as many of each as the page. */
async function questionFor(
  infra: Pick<ListInfra, 'reads'>,
  organizationId: OrganizationId,
  filter: Filter,
): Promise<Question> {
  const queries: Knex.QueryBuilder[] = [];
  const isRareKey = await hasRareKey(infra, organizationId, filter);
  for (const status of filter.statuses ?? [undefined]) {
    const labels = labelsOf(organizationId, filter, status);
    const rarest = await rarestFirst(infra, organizationId, labels);
    queries.push(queryOf(organizationId, { ...filter, status, isRareKey }, rarest));
  }
  const [first, ...more] = queries;
  if (first && more.length === 0) return questionOf(first);
  const { order, page } = filter;
  const merged = sql
    .select('*')
    .from(sql.unionAll(queries, true).as('merged'))
    .orderBy(['created_at', 'id'].map((column) => ({ column, order })))
    .limit(page.limit + 1);
  return questionOf(merged);
}

interface OneStatus extends Filter {
  readonly status: PublicStatus | undefined;
  /** Its executions are fewer than those of a label may be. */
  readonly isRareKey: boolean;
}

/**
 * Walks one index in the order of the list: that of a label where a filter has one, otherwise that
 * of the key, or of the organization (and model).
 */
function queryOf(
  organizationId: OrganizationId,
  { page, range, status, model, apiKeyId, order, isRareKey }: OneStatus,
  given: readonly string[],
): Knex.QueryBuilder {
  const labels = isRareKey ? [] : given;
  const label = labels[0];
  const [at, id] = label ? ['l.created_at', 'l.execution_id'] : ['e.created_at', 'e.id'];
  const query = label
    ? sql('readmodel.execution_labels as l').where('l.label', label)
    : sql('readmodel.executions as e');
  if (label && model === undefined) void query.joinRaw(LOOKED_UP);
  else if (label) void query.join('readmodel.executions as e', 'e.id', 'l.execution_id');
  void query
    .select('e.id', 'e.created_at', sql.raw('e.body::text AS body'))
    .orderBy([at, id].map((column) => ({ column, order })))
    .limit(page.limit + 1);
  const byKey = label === undefined && apiKeyId !== undefined && (isRareKey || model === undefined);
  // What is not the column itself has no index: the planner is left with that of the key.
  void query.whereRaw(byKey ? OWN_OF_KEY : 'e.organization_id = ?', [organizationId]);
  if (apiKeyId !== undefined) void query.where('e.api_key_id', apiKeyId);
  if (model !== undefined) void query.whereRaw(byKey ? OF_MODEL : 'e.model = ?', [model]);
  for (const other of labels.slice(1, LABELS_PLANNED_MAX))
    void query.whereExists(
      sql('readmodel.execution_labels as o')
        .select(sql.raw('1'))
        .where('o.label', other)
        .whereRaw('?? = ?? AND ?? = ??', ['o.created_at', at, 'o.execution_id', id]),
    );
  const others = isRareKey ? [...given] : labels.slice(LABELS_PLANNED_MAX);
  if (others.length > 0) void query.whereRaw(HAS_LABELS, [others, at, id, others.length]);
  if (status) void query.where('e.status', status);
  whereInRange(query, at, range);
  if (page.after) {
    const [createdAt, lastId] = page.after;
    const values = [at, id, new Date(Number(createdAt)), String(lastId)];
    void query.whereRaw(`(??, ??) ${order === 'asc' ? '>' : '<'} (?, ?)`, values);
  }
  return query;
}

const OWN_OF_KEY = "(e.organization_id || '') = ?";
const OF_MODEL = "(e.model || '') = ?";

/**
 * Each execution of a label, one by one. The planner, left to itself, walks all executions of the
 * organization where it expects few of the status; OFFSET 0 keeps it to the label, which has fewer.
 */
const LOOKED_UP = `
  CROSS JOIN LATERAL (
    SELECT * FROM readmodel.executions WHERE executions.id = l.execution_id OFFSET 0
  ) AS e`;

/** So many are joined in the order that the planner prefers; to plan more takes too long. */
const LABELS_PLANNED_MAX = 4;

const HAS_LABELS = `
  (SELECT count(*) FROM readmodel.execution_labels AS m
   WHERE m.label = ANY (?::uuid[]) AND m.created_at = ?? AND m.execution_id = ??) = ?`;

/** So few are walked sooner than the entries of a label. */
const RARE_MAX = 1_000;

async function hasRareKey(
  { reads }: Pick<ListInfra, 'reads'>,
  organizationId: OrganizationId,
  { apiKeyId }: Filter,
): Promise<boolean> {
  if (apiKeyId === undefined) return false;
  const text = `
    SELECT count(*) AS executions
    FROM (SELECT FROM readmodel.executions WHERE api_key_id = $1 LIMIT ${RARE_MAX}) AS counted`;
  const [row] = await reads.rows(organizationId, { text, values: [apiKeyId] });
  return row !== undefined && count(row, 'executions') < RARE_MAX;
}

/** Where not all can be planned, those of which there are fewest come first. */
async function rarestFirst(
  { reads }: Pick<ListInfra, 'reads'>,
  organizationId: OrganizationId,
  labels: readonly string[],
): Promise<readonly string[]> {
  if (labels.length <= LABELS_PLANNED_MAX) return labels;
  const rows = await reads.rows(organizationId, {
    text: `
      SELECT w.label
      FROM unnest($1::uuid[]) AS w (label)
      ORDER BY (
        SELECT count(*)
        FROM (SELECT FROM readmodel.execution_labels WHERE label = w.label LIMIT 1000) AS counted
      )`,
    values: [labels],
  });
  return rows.map((row) => text(row, 'label'));
}

/**
 * The first label is walked, so rare ones come first: a batch, which is small, what is not over,
 * then the caller's own.
 */
function labelsOf(
  organizationId: OrganizationId,
  { metadata, batchId }: Filter,
  status: PublicStatus | undefined,
): string[] {
  const batch = batchId === undefined ? [] : [labelOf(organizationId, 'batch', batchId)];
  const pairs = metadata.map(([name, value]) => labelOf(organizationId, 'metadata', name, value));
  switch (status) {
    case undefined:
    case 'COMPLETED':
      return [...batch, ...pairs];
    case 'PROCESSING':
    case 'AWAITING_WEBHOOK':
      return [...batch, labelOf(organizationId, 'running'), ...pairs];
    case 'PENDING':
      return [...batch, labelOf(organizationId, 'status', status), ...pairs];
    case 'FAILED':
    case 'CANCELLED':
    case 'EXPIRED':
      return [...batch, ...pairs, labelOf(organizationId, 'status', status)];
  }
}
