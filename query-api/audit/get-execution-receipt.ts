/** The receipt of one execution. */
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { receiptSchema } from '../../contracts/http/audit.js';
import { queryObject } from '../../contracts/http/parts.js';
import { openLeafSalts } from '../../domain/proof/salts.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { makeReceipt } from '../../infra/proof-store/make-receipt.js';
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
    const covering = await log.covering(await infra.store.head(), COVERING_MS, request.ended);
    if (!covering?.isCovering) return notYet();
    const salts = openLeafSalts(infra.secrets.leafSaltsKey);
    const { checkpoint } = covering;
    return whenStored(async () => {
      const receipt = await makeReceipt(
        { ...infra, salts, signer },
        { organizationId, executionId, checkpoint, accountPositions, disclosed: [] },
      );
      return { status: 200, body: receipt };
    });
  },
});

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
