/**
 * The file of an audit export: lines of canonical JSON (RFC 8785).
 *
 *   {"checkpoint":note,"header":note,"modelroute_audit":1}    the first line
 *   {"consistency":{"hashes":[…],"size":n}}                   where an earlier size was named
 *   {"nodes":[…]}                                             the subtrees up to the next leaf
 *   {"index":n,"leaf":{…}}                                    an event, oldest first
 *
 * Nodes and leaves together cover the tree of the checkpoint without a gap, from left to right: the
 * nodes before a leaf are those of `coverOf`, so that each node of all inclusion proofs is there
 * once. The header is a note of the checkpoint's key over what the file must have.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import { canonicalJson } from '../canonical-json.js';
import { hashFromBase64, hashToBase64, type TreeHash } from './hashes.js';

export interface ExportHeader {
  readonly origin: string;
  readonly organizationId: OrganizationId;
  /** ISO 8601; undefined: from the beginning. */
  readonly from: string | undefined;
  /** ISO 8601, exclusive; undefined: up to the checkpoint. */
  readonly to: string | undefined;
  /** Numbers in the organization's feed; 0 of an export without events. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly count: number;
  readonly size: number;
  readonly root: TreeHash;
}

const FILE_VERSION = 1;
const HEADER_BEGINS = `modelroute/audit-export/v${FILE_VERSION}`;
const OPEN = '-';

/** Its first line is no origin of a log, so that it is no checkpoint. */
export const headerText = (header: ExportHeader): string =>
  [
    HEADER_BEGINS,
    `origin ${header.origin}`,
    `organization ${header.organizationId}`,
    `from ${header.from ?? OPEN}`,
    `to ${header.to ?? OPEN}`,
    `sequences ${header.firstSequence} ${header.lastSequence}`,
    `events ${header.count}`,
    `tree ${header.size} ${hashToBase64(header.root)}`,
    '',
  ].join('\n');

const FORM = new RegExp(
  `^${HEADER_BEGINS}\norigin (\\S+)\norganization (org_\\S+)\nfrom (\\S+)\nto (\\S+)\n` +
    'sequences (\\d{1,15}) (\\d{1,15})\nevents (\\d{1,15})\ntree (\\d{1,15}) (\\S+)\n$',
);

export function parseHeader(text: string): ExportHeader | undefined {
  const [, origin = '', organization = '', from, to, ...rest] = FORM.exec(text) ?? [];
  const [firstSequence, lastSequence, count, size] = rest.map(Number);
  const root = hashFromBase64(rest[4] ?? '');
  if (firstSequence === undefined || lastSequence === undefined) return undefined;
  if (count === undefined || size === undefined || root === undefined) return undefined;
  return {
    origin,
    organizationId: organization as OrganizationId,
    from: from === OPEN ? undefined : from,
    to: to === OPEN ? undefined : to,
    firstSequence,
    lastSequence,
    count,
    size,
    root,
  };
}

export const firstLine = (checkpoint: string, header: string): string =>
  `${canonicalJson({ checkpoint, header, modelroute_audit: FILE_VERSION })}\n`;

export const consistencyLine = (size: number, hashes: readonly TreeHash[]): string =>
  `${canonicalJson({ consistency: { hashes: hashes.map(hashToBase64), size } })}\n`;

export const nodesLine = (nodes: readonly TreeHash[]): string =>
  `${canonicalJson({ nodes: nodes.map(hashToBase64) })}\n`;

/** `leaf` is canonical already. */
export const leafLine = (index: number, leaf: string): string =>
  `{"index":${index},"leaf":${leaf}}\n`;
