/**
 * Verifies the lines of an audit export, one after another, in memory that does not grow with them:
 * it keeps the right edge of the tree that they make.
 *
 *   first line ──► leaves and nodes, left to right ──► end: the root is the checkpoint's
 *
 * The bytes of a leaf are those of the signed log where the root is, so of a line that has the form
 * in which exports are written only the numbers are read. Any other line is read as a whole, to say
 * what is wrong with it.
 */
import { canonicalJson } from '../canonical-json.js';
import { parseHeader, type ExportHeader } from './audit-file.js';
import type { Checkpoint } from './checkpoint.js';
import { hashFromBase64, leafHash, type TreeHash } from './hashes.js';
import { LEAF_VERSION, type FeedLeaf } from './leaf.js';
import { leadsTo } from './proofs.js';
import { openCheckpoint, openNote, type Opened } from './signed-checkpoint.js';
import type { NoteVerifier } from './signed-note.js';
import { coverOf, EMPTY_EDGE, growTree, type GrowingTree } from './tree.js';

/** What a later verification compares, and a person is told. */
export interface VerifiedExport {
  readonly header: ExportHeader;
  readonly checkpoint: Checkpoint;
  readonly consistency: ConsistencyGiven | undefined;
}

export interface ConsistencyGiven {
  readonly size: number;
  readonly hashes: readonly TreeHash[];
}

export interface ExportVerifier {
  /** UTF-8. The sentence of what is wrong with the line; undefined where nothing is. */
  line(line: Buffer): string | undefined;
  end(): Opened<VerifiedExport>;
}

interface State extends Omit<VerifiedExport, 'consistency'> {
  consistency: ConsistencyGiven | undefined;
  /** What stands before the salt in leaves of the organization. */
  readonly owner: string;
  readonly tree: GrowingTree;
  nodes: readonly TreeHash[];
  sequence: number;
  count: number;
}

/** `firstText`: the first line. */
export function openExportVerifier(
  firstText: string,
  keys: readonly NoteVerifier[],
): Opened<ExportVerifier> {
  const read = readFirst(firstText, keys);
  if ('problem' in read) return read;
  const state = read.opened;
  return {
    opened: {
      line(bytes) {
        const written = writtenLeaf(bytes.toString('latin1'), state.owner);
        if (written) return takeLeaf(state, written, bytes);
        const line = canonicalLine(bytes.toString('utf8'));
        if (line === undefined) return 'is no line of canonical JSON';
        if ('leaf' in line) return takeOtherLeaf(state, line, bytes);
        if (hasOnly(line, 'nodes')) return takeNodes(state, line['nodes']);
        if (hasOnly(line, 'consistency')) return takeConsistency(state, line['consistency']);
        return 'is no line of an audit export';
      },
      end: () => ended(state),
    },
  };
}

const FORMAT = 'modelroute_audit';

type Line = Readonly<Record<string, unknown>>;

/** Undefined for a text that is not written in the one way. */
function canonicalLine(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return canonicalJson(value) === text ? (value as Line) : undefined;
  } catch {
    return undefined;
  }
}

/** What nobody proves would be read as if it were. */
const hasOnly = (line: object, ...names: readonly string[]): boolean =>
  String(Object.keys(line).sort()) === String(names);

function readFirst(text: string, keys: readonly NoteVerifier[]): Opened<State> {
  const line = canonicalLine(text);
  if (line?.[FORMAT] !== 1 || !hasOnly(line, 'checkpoint', 'header', FORMAT))
    return { problem: 'it does not begin as an audit export' };
  const signed = openCheckpoint(line['checkpoint'], keys);
  if ('problem' in signed) return signed;
  const read = openNote(line['header'], keys, 'header');
  if ('problem' in read) return read;
  const [checkpoint, header] = [signed.opened, parseHeader(read.opened.text)];
  if (read.opened.key.name !== checkpoint.origin)
    return { problem: 'the header is signed by the key of another log' };
  if (!header) return { problem: 'what is signed as a header is none' };
  const isOfOne =
    header.origin === checkpoint.origin &&
    header.size === checkpoint.size &&
    header.root === checkpoint.root;
  if (!isOfOne) return { problem: 'the header is of another checkpoint than the one beside it' };
  const { firstSequence, lastSequence, count } = header;
  const isWhole = count === 0 ? firstSequence === 0 : count === lastSequence - firstSequence + 1;
  if (!isWhole) return { problem: 'the header contradicts itself' };
  return {
    opened: {
      header,
      checkpoint,
      consistency: undefined,
      owner: `","organization_id":"${header.organizationId}","salt":"`,
      tree: growTree(EMPTY_EDGE),
      nodes: [],
      sequence: firstSequence - 1,
      count: 0,
    },
  };
}

interface WrittenLeaf {
  readonly index: number;
  readonly sequence: number;
  /** Where the leaf begins in the line; it ends before the last byte. */
  readonly begins: number;
}

const INDEX = '{"index":';
const LEAF = ',"leaf":';
const EVENT_ID = ',"event_id":"';
const SEQUENCE = '","sequence":';
const END = `,"v":${LEAF_VERSION}}}`;
const UUID_CHARS = 36;
const SALT_CHARS = 22;

/**
 * Undefined where the line has another form. No text in JSON has a quotation mark without a
 * backslash, so the last `event_id` of a leaf is not within its data.
 */
function writtenLeaf(text: string, owner: string): WrittenLeaf | undefined {
  if (!text.startsWith(INDEX) || !text.endsWith(END)) return undefined;
  const indexEnds = digitsEnd(text, INDEX.length);
  if (indexEnds < 0 || !text.startsWith(LEAF, indexEnds)) return undefined;
  const ownerAt = text.lastIndexOf(EVENT_ID) + EVENT_ID.length + UUID_CHARS;
  const sequenceAt = ownerAt + owner.length + SALT_CHARS;
  if (!text.startsWith(owner, ownerAt) || !text.startsWith(SEQUENCE, sequenceAt)) return undefined;
  const digitsAt = sequenceAt + SEQUENCE.length;
  const sequenceEnds = digitsEnd(text, digitsAt);
  if (sequenceEnds < 0 || !text.startsWith(SUBJECT, sequenceEnds)) return undefined;
  return {
    index: Number(text.slice(INDEX.length, indexEnds)),
    sequence: Number(text.slice(digitsAt, sequenceEnds)),
    begins: indexEnds + LEAF.length,
  };
}

const SUBJECT = ',"subject":';
const DIGITS_MAX = 15;
const [ZERO, NINE] = [0x30, 0x39];

/** Where a number ends, as JSON writes it; -1 where there is none. */
function digitsEnd(text: string, from: number): number {
  let end = from;
  for (let code = text.charCodeAt(end); code >= ZERO && code <= NINE; code = text.charCodeAt(end))
    end += 1;
  const isPadded = text.charCodeAt(from) === ZERO && end > from + 1;
  return end === from || isPadded || end > from + DIGITS_MAX ? -1 : end;
}

function takeLeaf(state: State, written: WrittenLeaf, bytes: Buffer): string | undefined {
  const { index, sequence, begins } = written;
  return cover(state, index) ?? enter(state, sequence, bytes.subarray(begins, -1));
}

function takeOtherLeaf(state: State, line: Line, bytes: Buffer): string | undefined {
  const { index, leaf, ...rest } = line as { index: unknown; leaf: FeedLeaf | null };
  if (typeof index !== 'number' || !Number.isSafeInteger(index) || Object.keys(rest).length > 0)
    return 'is no line of an event';
  if (typeof leaf !== 'object' || leaf === null) return 'is no line of an event';
  const problem = cover(state, index);
  if (problem !== undefined) return problem;
  const { organizationId } = state.header;
  if (leaf.v !== LEAF_VERSION) return 'has a leaf of a version that is not known here';
  if (leaf.organization_id !== organizationId)
    return `is an event of ${leaf.organization_id}, and the export of ${organizationId}`;
  const begins = bytes.indexOf(LEAF) + LEAF.length;
  return enter(state, leaf.sequence, bytes.subarray(begins, -1));
}

/** The number that the event has must be the next one. */
function enter(state: State, sequence: number, leaf: Buffer): string | undefined {
  if (sequence !== state.sequence + 1)
    return `has number ${sequence}, and ${state.sequence + 1} should follow`;
  state.sequence += 1;
  state.count += 1;
  state.tree.append(leafHash(leaf));
  return undefined;
}

/** The nodes that were given must be those between where the tree ends and `to`. */
function cover(state: State, to: number): string | undefined {
  const { tree, nodes, checkpoint } = state;
  if (to === tree.size && nodes.length === 0 && to <= checkpoint.size) return undefined;
  if (to < tree.size || to > checkpoint.size)
    return `is leaf ${to}, where one from ${tree.size} to ${checkpoint.size - 1} should follow`;
  const wanted = coverOf(tree.size, to);
  if (wanted.length !== nodes.length)
    return `needs ${wanted.length} nodes before it, and there are ${nodes.length}`;
  for (const [n, { level }] of wanted.entries()) tree.appendNode(level, nodes[n] as TreeHash);
  state.nodes = [];
  return undefined;
}

function takeNodes(state: State, given: unknown): string | undefined {
  if (state.nodes.length > 0) return 'has nodes, as the line before it';
  const nodes = hashesIn(given);
  if (!nodes || nodes.length === 0) return 'has nodes that are no hashes';
  state.nodes = nodes;
  return undefined;
}

function takeConsistency(state: State, given: unknown): string | undefined {
  const isSecond = state.tree.size === 0 && state.nodes.length === 0 && !state.consistency;
  if (!isSecond) return 'has a proof of consistency, which belongs behind the first line';
  const { size, hashes: texts, ...rest } = (given ?? {}) as { size?: unknown; hashes?: unknown };
  const hashes = Object.keys(rest).length > 0 ? undefined : hashesIn(texts);
  if (!Number.isSafeInteger(size) || !hashes) return 'has no proof of consistency';
  const before = size as number;
  const { size: whole, root } = state.checkpoint;
  if (before <= 0 || before >= whole)
    return `has a proof of consistency with ${before} events, where the tree has ${whole}`;
  if (!leadsTo({ before, size: whole, root, proof: hashes }))
    return 'has a proof of consistency that does not lead to its checkpoint';
  state.consistency = { size: before, hashes };
  return undefined;
}

const HASHES_MAX = 256;

function hashesIn(given: unknown): readonly TreeHash[] | undefined {
  if (!Array.isArray(given) || given.length > HASHES_MAX) return undefined;
  const hashes = given.map((text) => (typeof text === 'string' ? hashFromBase64(text) : undefined));
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined;
}

function ended(state: State): Opened<VerifiedExport> {
  const { header, checkpoint, consistency, count, tree } = state;
  const done = { opened: { header, checkpoint, consistency } };
  if (count !== header.count)
    return { problem: `it has ${count} events, and its header says ${header.count}` };
  if (count === 0 && state.nodes.length > 0) return { problem: 'it has nodes and no event' };
  if (count === 0) return done;
  const problem = cover(state, checkpoint.size);
  if (problem !== undefined) return { problem: `its end ${problem}` };
  if (tree.root() === checkpoint.root) return done;
  return { problem: 'its events are not those of the log that was signed: the root differs' };
}
