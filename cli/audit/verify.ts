/** `audit verify`: what a file proves, or in one sentence what is wrong with it. */
import { formatMoney } from '../../contracts/money.js';
import { consistencyIn, verifyFile, type Verified } from '../../audit/offline/verify-file.js';
import type { NoteVerifier } from '../../domain/proof/signed-note.js';
import type { Opened } from '../../domain/proof/signed-checkpoint.js';
import { forkBetween } from '../../domain/proof/verify-previous.js';
import { StartError } from '../../infra/start-error.js';
import { EXIT_FOUND, type Context } from '../context.js';
import { asJson } from '../table.js';
import { verifiersIn } from './verifiers.js';

interface VerifyOptions {
  readonly key: readonly string[];
  readonly previous?: string;
  readonly json?: true;
}

export async function verifyAudit(
  context: Context,
  file: string,
  { key, previous, json }: VerifyOptions,
): Promise<void> {
  const keys = (await Promise.all(key.map(verifiersIn))).flat();
  const read = await readable(file, keys);
  const found =
    'opened' in read && previous !== undefined
      ? await comparedWith(previous, read.opened, keys)
      : read;
  if ('problem' in found) {
    context.print(
      json ? asJson({ verified: false, problem: found.problem }) : `${file}: ${found.problem}`,
    );
    return context.endWith(EXIT_FOUND);
  }
  context.print(json ? asJson({ verified: true, ...shownOf(found.opened) }) : textOf(found.opened));
}

async function readable(file: string, keys: readonly NoteVerifier[]): Promise<Opened<Verified>> {
  try {
    return await verifyFile(file, keys);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new StartError(`${file} cannot be read: ${code || message}.`);
  }
}

async function comparedWith(
  previous: string,
  verified: Verified,
  keys: readonly NoteVerifier[],
): Promise<Opened<Verified>> {
  const earlier = await readable(previous, keys);
  if ('problem' in earlier) return { problem: `${previous}: ${earlier.problem}` };
  const { checkpoint } = earlier.opened;
  const problem = forkBetween(checkpoint, verified.checkpoint, consistencyIn(verified));
  return problem === undefined ? { opened: verified } : { problem };
}

function shownOf(verified: Verified): Readonly<Record<string, unknown>> {
  const { kind, checkpoint } = verified;
  const of = { kind, origin: checkpoint.origin, tree_size: checkpoint.size };
  if (verified.kind === 'export') {
    const { organizationId, count, firstSequence, lastSequence, from, to } = verified.header;
    const sequences = { first_sequence: firstSequence, last_sequence: lastSequence };
    return { ...of, organization_id: organizationId, events: count, ...sequences, from, to };
  }
  if (verified.kind === 'checkpoint') return of;
  const { execution_id, status, hold, charge, events } = verified.receipt;
  const disclosed = Object.fromEntries(
    verified.disclosed.map(({ field, value }) => [field, value]),
  );
  return { ...of, execution_id, status, hold, charge, events: events.length, disclosed };
}

function textOf(verified: Verified): string {
  const { size, origin } = verified.checkpoint;
  const tree = `the signed log ${origin} of ${size} events`;
  if (verified.kind === 'checkpoint') return `verified: a checkpoint of ${tree}`;
  if (verified.kind === 'export') {
    const { organizationId, count, firstSequence, lastSequence } = verified.header;
    const numbers =
      count === 0 ? '' : `, numbers ${firstSequence} to ${lastSequence} without a gap`;
    return `verified: ${count} events of ${organizationId}${numbers}, in ${tree}`;
  }
  const { receipt, disclosed } = verified;
  const charge = receipt.charge ?? formatMoney(0n);
  const lines = disclosed.map(({ field, value }) => `disclosed: ${field} = ${value ?? 'none'}`);
  const what = `${receipt.execution_id} ${receipt.status}, charged ${charge}`;
  return [`verified: ${what}, ${receipt.events.length} events in ${tree}`, ...lines].join('\n');
}
