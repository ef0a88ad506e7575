/** The receipt of one execution. */
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { receiptSchema } from '../../contracts/http/audit.js';
import { queryObject } from '../../contracts/http/parts.js';
import { streamOf } from '../../contracts/streams.js';
import { openLeafSalts } from '../../domain/proof/salts.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { START, type Position } from '../../infra/event-store/port.js';
import { makeReceipt } from '../../infra/proof-store/make-receipt.js';
import type { StoredCheckpoint } from '../../infra/proof-store/port.js';
import type { SignedLog } from '../../infra/proof-store/signed-log.js';
import { questionOf, sql } from '../../infra/read-store/query-builder.js';
import { caughtUp } from '../caught-up.js';
import type { Current } from '../executions/current.js';
import { ownExecution } from '../executions/own-execution.js';
import type { QueryInfra } from '../query-infra.js';
import { notYet, whenStored } from './sizes.js';

type ReceiptInfra = Pick<QueryInfra, 'progress' | 'proofs' | 'reads' | 'secrets' | 'store'>;

const COVERING_MS = 8_000;

export const getExecutionReceipt = (
  infra: ReceiptInfra,
  current: Current,
  log: SignedLog,
): Route => ({
  method: 'GET',
  path: '/executions/{id}/receipt',
  summary: 'Get the receipt of an execution',
  description:
    'What happened to it so far, with proof: digests of input and output, hold, charge, each of ' +
    'its events with its inclusion in a signed checkpoint. `modelroute audit verify` checks it ' +
    'offline. The answer waits some seconds for a checkpoint that has all of it; `503` where ' +
    'there is none by then.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:read',
  querySchema: queryObject({}),
  replySchemas: { 200: receiptSchema },
  refusals: ['NOT_FOUND', 'SERVICE_UNAVAILABLE'],
  async handle(request, caller) {
    if (!(await ownExecution(current, request, caller))) return new Refusal('NOT_FOUND');
    const executionId = request.params['id'] as ExecutionId;
    const { organizationId } = caller;
    await caughtUp(infra, 'ledger_entries');
    const accountPositions = await positionsOf(infra, organizationId, executionId);
    const signer = await log.signer();
    if (!signer) return notYet();
    const last = await lastOf(infra.store, executionId, accountPositions);
    const checkpoint = await checkpointWith(infra, log, { organizationId, last }, request.ended);
    if (!checkpoint) return notYet();
    const salts = openLeafSalts(infra.secrets.leafSaltsKey);
    return whenStored(async () => {
      const receipt = await makeReceipt(
        { ...infra, salts, signer },
        { organizationId, executionId, checkpoint, accountPositions, disclosed: [] },
      );
      return { status: 200, body: receipt };
    });
  },
});

/** The position of the newest event about it. */
async function lastOf(
  store: ReceiptInfra['store'],
  executionId: ExecutionId,
  accountPositions: readonly Position[],
): Promise<Position> {
  const stream = streamOf('execution', executionId);
  const own = await store.readStream(stream, { direction: 'backward', limit: 1 });
  const positions = [...own.map(({ position }) => position), ...accountPositions];
  return positions.reduce((last, position) => (position > last ? position : last), START);
}

interface LastEvent {
  readonly organizationId: OrganizationId;
  readonly last: Position;
}

/** The newest where it has all, as it has of what is over; else one that is made for it. */
async function checkpointWith(
  { proofs }: ReceiptInfra,
  log: SignedLog,
  { organizationId, last }: LastEvent,
  ended: AbortSignal,
): Promise<StoredCheckpoint | undefined> {
  const newest = await log.newest();
  const run = newest && (await proofs.runAt(organizationId, last));
  const place = run?.places.find(({ position }) => position === last);
  if (newest && place && place.leafIndex < newest.size) return newest;
  const covering = await log.covering(last, COVERING_MS, ended);
  return covering?.isCovering ? covering.checkpoint : undefined;
}

/** Where its hold was placed and ended. */
async function positionsOf(
  { reads }: ReceiptInfra,
  organizationId: OrganizationId,
  executionId: ExecutionId,
): Promise<readonly bigint[]> {
  const query = sql('readmodel.ledger_entries')
    .distinct('position')
    .where({ organization_id: organizationId, execution_id: executionId })
    .limit(100);
  const rows = await reads.rows(organizationId, questionOf(query));
  return rows.map(({ position }) => position as bigint);
}
