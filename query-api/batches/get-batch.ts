/** A batch: how many of its executions are in which status. */
import type { BatchEvent } from '../../contracts/events/batch.js';
import { batchSchema } from '../../contracts/http/batches.js';
import { isId } from '../../contracts/ids.js';
import { parseMoney } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import { batchBody, foldBatch, type BatchView, type StatusCount } from '../../domain/batch/view.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { count, text, type Row } from '../../infra/read-store/table.js';
import { caughtUp } from '../caught-up.js';
import type { QueryInfra } from '../query-infra.js';

type BatchInfra = Pick<QueryInfra, 'progress' | 'reads' | 'store'>;

export const getBatch = (infra: BatchInfra): Route => ({
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
    const events = (await infra.store.readStream(streamOf('batch', id))) as readonly BatchEvent[];
    const view = events.reduce<BatchView | undefined>(foldBatch, undefined);
    if (view?.organizationId !== organizationId) return new Refusal('NOT_FOUND');
    return { status: 200, body: batchBody(view, await statusesOf(infra, view)) };
  },
});

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
