/**
 * The receipt of one execution: its events with an inclusion proof each, a signed checkpoint, and
 * what they say in a few fields, which the verifier compares with the leaves.
 */
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import type { FeedLeaf } from './leaf.js';

export const RECEIPT_VERSION = 1;

/** SHA-256 in hex, and how many bytes. */
interface Digest {
  readonly sha256: string;
  readonly bytes: number;
}

export interface ReceiptSummary {
  readonly status: string;
  readonly input: Digest | null;
  readonly output: Digest | null;
  readonly hold: string | null;
  readonly charge: string | null;
}

export interface ProvenLeaf {
  readonly index: number;
  readonly leaf: FeedLeaf;
  /** Base64. */
  readonly proof: readonly string[];
}

export interface Receipt extends ReceiptSummary {
  readonly modelroute_receipt: typeof RECEIPT_VERSION;
  readonly organization_id: OrganizationId;
  readonly execution_id: ExecutionId;
  readonly checkpoint: string;
  /** A note of the checkpoint's key: which events there are. */
  readonly header: string;
  readonly events: readonly ProvenLeaf[];
  readonly disclosures: readonly string[];
}

/** By the leaves of one execution, in the order of the feed. */
export function summaryOf(leaves: readonly FeedLeaf[]): ReceiptSummary {
  const summary = {
    status: 'PENDING',
    input: null as Digest | null,
    output: null as Digest | null,
    hold: null as string | null,
    charge: null as string | null,
  };
  for (const { type, data } of leaves) {
    const told = data as { status?: string; input?: Digest; output?: Digest } & Amounts;
    if (type.startsWith('execution.') && told.status !== undefined) summary.status = told.status;
    if (type === 'execution.accepted') summary.input = told.input ?? null;
    if (type === 'execution.completed') summary.output = told.output ?? null;
    if (type === 'hold.placed') summary.hold = told.amount ?? null;
    if (type === 'hold.settled') summary.charge = told.charged ?? null;
    if (type === 'hold.released') summary.charge = '0.000';
  }
  return summary;
}

interface Amounts {
  readonly amount?: string;
  readonly charged?: string;
}

/** So that an event which was left out shows. `events`: in the order of the feed. */
export const receiptHeader = (
  { organization_id, execution_id }: Pick<Receipt, 'organization_id' | 'execution_id'>,
  events: readonly ProvenLeaf[],
): string =>
  [
    `modelroute/receipt/v${RECEIPT_VERSION}`,
    `organization ${organization_id}`,
    `execution ${execution_id}`,
    `sequences ${events.map(({ leaf }) => leaf.sequence).join(' ')}`,
    '',
  ].join('\n');
