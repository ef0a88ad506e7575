/** `audit disclose`: a receipt with some of what only the operator knows, opened. */
import { writeFile } from 'node:fs/promises';
import { isId, type ExecutionId } from '../../contracts/ids.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import { streamOf } from '../../contracts/streams.js';
import { operatorFields, type OperatorField } from '../../domain/proof/operator-fields.js';
import { makeReceipt } from '../../infra/proof-store/make-receipt.js';
import { StartError } from '../../infra/start-error.js';
import type { Context } from '../context.js';
import { outTrouble } from '../out-file.js';
import { asJson } from '../table.js';
import { withProvenLog, type ProvenLog } from './installation.js';

interface DiscloseOptions {
  readonly field: readonly string[];
  readonly out?: string;
}

export async function disclose(
  context: Context,
  executionId: string,
  { field: fields, out }: DiscloseOptions,
): Promise<void> {
  if (!isId('exec', executionId))
    throw new StartError(`'${executionId}' is no execution's id: they are exec_<uuid>.`);
  const disclosed = fields.map(fieldIn);
  const id = executionId as ExecutionId;
  const receipt = await withProvenLog(context.config(), (log) => receiptOf(log, id, disclosed));
  if (!receipt) throw new StartError(`No signed checkpoint has an event of ${executionId}.`);
  if (receipt.disclosures.length === 0)
    throw new StartError(`No event of ${executionId} says ${fields.join(' or ')}.`);
  const text = asJson(receipt);
  if (out === undefined) return context.print(text);
  await writeFile(out, `${text}\n`, { mode: 0o600 }).catch((error: unknown) => {
    throw outTrouble(error, out);
  });
  context.print(`disclosed ${fields.join(', ')} in ${out}`);
}

function fieldIn(name: string): OperatorField {
  const field = operatorFields.find((one) => one === name);
  if (field) return field;
  throw new StartError(`--field is '${name}': use ${operatorFields.join(', ')}.`);
}

async function receiptOf(
  log: ProvenLog,
  executionId: ExecutionId,
  disclosed: readonly OperatorField[],
) {
  const { store, checkpoint, database } = log;
  const [first] = await store.readStream(streamOf('execution', executionId), { limit: 1 });
  if (!first) throw new StartError(`There is no execution ${executionId}.`);
  const { organizationId } = first.data as ExecutionRequested['data'];
  const { rows } = await database.readStore.query<{ position: bigint }>(
    `SELECT DISTINCT position FROM readmodel.ledger_entries
     WHERE organization_id = $1 AND execution_id = $2 LIMIT 100`,
    [organizationId, executionId],
  );
  const accountPositions = rows.map(({ position }) => position);
  return makeReceipt(log, { organizationId, executionId, checkpoint, accountPositions, disclosed });
}
