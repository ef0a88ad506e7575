/**
 * A batch: how many of its executions are in which status. A large one is read whole once, and then
 * only what follows, so that it costs anybody who asks no more than one that is not there.
 */
import type { BatchEvent } from '../../contracts/events/batch.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { batchSchema } from '../../contracts/http/batches.js';
import { isId } from '../../contracts/ids.js';
import { parseMoney } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import { batchBody, foldBatch, type BatchView, type StatusCount } from '../../domain/batch/view.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { NO_STREAM } from '../../infra/event-store/port.js';
import { openRecentMap } from '../../infra/recent-map.js';
import { count, text, type Row } from '../../infra/read-store/table.js';
import { caughtUp } from '../caught-up.js';
import type { QueryInfra } from '../query-infra.js';

type BatchInfra = Pick<QueryInfra, 'progress' | 'reads' | 'store'>;

export const getBatch = (infra: BatchInfra): Route => routeOver(infra, openViews(infra));

const routeOver = (infra: BatchInfra, viewOf: ViewOf): Route => ({
  method: 'GET',
  path: '/batches/{id}',
  summary: 'Read a batch',
  description: 'How many of its executions are in which status, and what they cost so far.',
  tag: 'Batches',
  audience: 'tenant',
  permission: 'executions:read',
  replySchemas: { 200: batchSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params: { id = '' } }, { organizationId }) {
    if (!isId('batch', id)) return new Refusal('NOT_FOUND');
    const view = await viewOf(id);
    if (view?.organizationId !== organizationId) return new Refusal('NOT_FOUND');
    return { status: 200, body: batchBody(view, await statusesOf(infra, view)) };
  },
});

/** Undefined for one that never was. */
type ViewOf = (id: string) => Promise<BatchView | undefined>;

interface AtRevision {
  readonly view: BatchView | undefined;
  readonly revision: number;
}

/** Of large ones some hundreds. */
const VIEWS = { costMax: 16 * 1024 * 1024, entriesMax: 10_000 };
const BYTES_A_VIEW = 300;
const BYTES_AN_EXECUTION = 60;

/** Those that were asked for lately are kept, and only ever behind the log. */
function openViews({ store }: BatchInfra): ViewOf {
  const views = openRecentMap<string, AtRevision>(VIEWS);
  return async (id) => {
    const known = views.get(id);
    const fromRevision = (known?.revision ?? NO_STREAM) + 1;
    const events = await store.readStream(streamOf('batch', id), { fromRevision });
    const last = events.at(-1);
    if (!last) return known?.view;
    const newer = events as readonly RecordedEvent<BatchEvent>[];
    const view = newer.reduce(foldBatch, known?.view);
    const size = view?.executionIds.length ?? 0;
    const cost = BYTES_A_VIEW + size * BYTES_AN_EXECUTION;
    views.set(id, { view, revision: last.revision }, cost);
    return view;
  };
}

/** Of one that is over, its completion says them. */
async function statusesOf(
  infra: BatchInfra,
  { organizationId, executionIds, completion }: BatchView,
): Promise<readonly StatusCount[]> {
  if (completion) return [];
  await caughtUp(infra, 'executions');
  const question = { name: 'statuses of a batch', text: STATUSES };
  const values = [executionIds, organizationId];
  return (await infra.reads.rows(organizationId, { ...question, values })).map(statusCountOf);
}

const STATUSES = `
  SELECT status, count(*) AS count, coalesce(sum((body->>'cost')::numeric), 0)::text AS cost
  FROM readmodel.executions
  WHERE id = ANY ($1::text[]) AND organization_id = $2
  GROUP BY status`;

const statusCountOf = (row: Row): StatusCount => ({
  status: text(row, 'status'),
  count: count(row, 'count'),
  cost: parseMoney(text(row, 'cost')) ?? 0n,
});
