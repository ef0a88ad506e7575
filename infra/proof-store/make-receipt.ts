/** Makes the receipt of one execution from the log and the tree. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { feedOf } from '../../domain/feed/feed-event.js';
import { hashToBase64 } from '../../domain/proof/hashes.js';
import { leafTextOf, type FeedLeaf } from '../../domain/proof/leaf.js';
import {
  disclosureOf,
  operatorFieldsOf,
  type OperatorField,
} from '../../domain/proof/operator-fields.js';
import { inclusionRanges } from '../../domain/proof/proofs.js';
import {
  RECEIPT_VERSION,
  receiptHeader,
  summaryOf,
  type ProvenLeaf,
  type Receipt,
} from '../../domain/proof/receipt.js';
import { signNote } from '../../domain/proof/signed-note.js';
import type { Position } from '../event-store/port.js';
import type { ExportSources } from './export-feed.js';
import type { StoredCheckpoint } from './port.js';
import { openTreeReader } from './tree-reader.js';

export interface WantedReceipt {
  readonly organizationId: OrganizationId;
  readonly executionId: ExecutionId;
  readonly checkpoint: StoredCheckpoint;
  /** Of the events of its account that are about it. */
  readonly accountPositions: readonly Position[];
  /** What its operator opens to whoever gets the receipt. */
  readonly disclosed: readonly OperatorField[];
}

/** An execution has tens of events; more are no execution's. */
const EVENTS_MAX = 1_000;

/** Undefined where the checkpoint has no event of the execution. */
export async function makeReceipt(
  sources: ExportSources,
  wanted: WantedReceipt,
): Promise<Receipt | undefined> {
  const { organizationId, executionId, checkpoint, accountPositions, disclosed } = wanted;
  const stream = streamOf('execution', executionId);
  const own = await sources.store.readStream(stream, { limit: EVENTS_MAX });
  const positions = [...own.map(({ position }) => position), ...accountPositions];
  positions.sort((a, b) => (a < b ? -1 : 1));
  const reader = openTreeReader(sources.proofs);
  const found: { readonly proven: ProvenLeaf; readonly event: RecordedEvent<AnyEvent> }[] = [];
  for (const position of positions) {
    const placed = await placedAt(sources, organizationId, position);
    if (!placed || placed.leafIndex >= checkpoint.size) continue;
    const { event, leafIndex: index, sequence } = placed;
    const leaf = JSON.parse(leafTextOf(event, sequence, sources.salts)) as FeedLeaf;
    const proof = await reader.proof(inclusionRanges(index, checkpoint.size));
    found.push({ event, proven: { index, leaf, proof: proof.map(hashToBase64) } });
  }
  if (found.length === 0) return undefined;
  const events = found.map(({ proven }) => proven);
  const names = { organization_id: organizationId, execution_id: executionId };
  return {
    modelroute_receipt: RECEIPT_VERSION,
    ...names,
    ...summaryOf(events.map(({ leaf }) => leaf)),
    checkpoint: checkpoint.note,
    header: signNote(receiptHeader(names, events), sources.signer),
    events,
    disclosures: found.flatMap(({ event }) => disclosuresOf(sources, event, disclosed)),
  };
}

async function placedAt(
  { proofs, store }: ExportSources,
  organizationId: OrganizationId,
  position: Position,
) {
  const run = await proofs.runAt(organizationId, position);
  const at = run?.places.findIndex((place) => place.position === position) ?? -1;
  const place = run?.places[at];
  if (!run || !place) return undefined;
  const [event] = await store.readAt([place]);
  if (!event || feedOf(event) !== organizationId) return undefined;
  return { event, leafIndex: place.leafIndex, sequence: run.firstSequence + at };
}

function disclosuresOf(
  { salts }: ExportSources,
  event: RecordedEvent<AnyEvent>,
  disclosed: readonly OperatorField[],
): readonly string[] {
  const fields = operatorFieldsOf(event);
  return disclosed.flatMap((field) => {
    const value = fields?.[field];
    return value === undefined ? [] : [disclosureOf(salts, event.id, field, value)];
  });
}
