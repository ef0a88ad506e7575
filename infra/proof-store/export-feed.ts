/**
 * An audit export of one organization: the events of its feed in a range, from the log itself, each
 * with its place in the tree, as the lines of `domain/proof/audit-file.ts`.
 *
 * An event belongs to a range by the latest time of it and of all events before it in the feed, so
 * that a range has no gap, and ranges that follow one another have each event once.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { OrganizationId } from '../../contracts/ids.js';
import {
  consistencyLine,
  firstLine,
  headerText,
  leafLine,
  nodesLine,
  type ExportHeader,
} from '../../domain/proof/audit-file.js';
import { leafTextOf } from '../../domain/proof/leaf.js';
import type { TreeHash } from '../../domain/proof/hashes.js';
import { consistencyRanges } from '../../domain/proof/proofs.js';
import type { LeafSalts } from '../../domain/proof/salts.js';
import { signNote, type NoteSigner } from '../../domain/proof/signed-note.js';
import { coverOf, type NodeId } from '../../domain/proof/tree.js';
import type { EventStore } from '../event-store/port.js';
import { feedEvents, firstSince, lastWithin, type PlacedEvent } from './feed-events.js';
import type { ProofStore, StoredCheckpoint } from './port.js';
import { openTreeReader } from './tree-reader.js';

export interface ExportSources {
  readonly proofs: ProofStore;
  readonly store: EventStore;
  readonly salts: LeafSalts;
  readonly signer: NoteSigner;
}

export interface WantedExport {
  readonly organizationId: OrganizationId;
  readonly checkpoint: StoredCheckpoint;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  /** Of an earlier checkpoint, not larger than this one: a proof of consistency is added. */
  readonly sinceSize: number | undefined;
}

/** Chunks of some lines each. Nothing was read before the first is asked for. */
export async function* exportFeed(
  sources: ExportSources,
  wanted: WantedExport,
): AsyncGenerator<string> {
  const { organizationId, checkpoint, sinceSize } = wanted;
  const reader = openTreeReader(sources.proofs);
  const header = await headerOf(sources, wanted);
  yield firstLine(checkpoint.note, signNote(headerText(header), sources.signer));
  const { size } = checkpoint;
  if (sinceSize !== undefined && sinceSize > 0 && sinceSize < size)
    yield consistencyLine(sinceSize, await reader.proof(consistencyRanges(sinceSize, size)));
  if (header.count === 0) return;
  let at = 0;
  const { firstSequence: first, lastSequence: last } = header;
  for await (const events of feedEvents(sources, { organizationId, first, last })) {
    const gaps = gapsBefore(events, at);
    const nodes = await reader.nodes(gaps.flat());
    yield linesOf(sources.salts, events, gaps, nodes);
    at = (events.at(-1)?.leafIndex ?? at) + 1;
    // Whoever else waits in this process has a turn between the pages.
    await turn();
  }
  if (at < size) yield nodesLine(await reader.nodes(coverOf(at, size)));
}

/** Of each event the subtrees between it and the one before. */
function gapsBefore(events: readonly PlacedEvent[], from: number): readonly (readonly NodeId[])[] {
  let at = from;
  return events.map(({ leafIndex }) => {
    const gap = leafIndex === at ? NO_NODES : coverOf(at, leafIndex);
    at = leafIndex + 1;
    return gap;
  });
}

const NO_NODES: readonly NodeId[] = [];

/** `nodes`: of all gaps, one after another. */
function linesOf(
  salts: LeafSalts,
  events: readonly PlacedEvent[],
  gaps: readonly (readonly NodeId[])[],
  nodes: readonly TreeHash[],
): string {
  let text = '';
  let used = 0;
  for (const [n, { event, leafIndex, sequence }] of events.entries()) {
    const width = gaps[n]?.length ?? 0;
    if (width > 0) text += nodesLine(nodes.slice(used, (used += width)));
    text += leafLine(leafIndex, leafTextOf(event, sequence, salts));
  }
  return text;
}

async function headerOf(sources: ExportSources, wanted: WantedExport): Promise<ExportHeader> {
  const { organizationId, checkpoint, from, to } = wanted;
  const { size, root } = checkpoint;
  const end = await lastWithin(sources.proofs, organizationId, size);
  const first = (from && (await firstSince(sources, organizationId, from))) ?? (from ? end + 1 : 1);
  const behind = to && (await firstSince(sources, organizationId, to));
  const last = Math.min(end, behind === undefined ? end : behind - 1);
  const count = Math.max(0, last - first + 1);
  return {
    origin: sources.signer.name,
    organizationId,
    from: from?.toISOString(),
    to: to?.toISOString(),
    firstSequence: count === 0 ? 0 : first,
    lastSequence: count === 0 ? 0 : last,
    count,
    size,
    root,
  };
}
