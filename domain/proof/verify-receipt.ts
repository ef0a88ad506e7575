/** Verifies a receipt: each event is in the signed tree, and says what the receipt says. */
import { canonicalJson } from '../canonical-json.js';
import type { Checkpoint } from './checkpoint.js';
import { hashFromBase64, leafHash, type TreeHash } from './hashes.js';
import { LEAF_VERSION } from './leaf.js';
import { disclosureDigest, readDisclosure } from './operator-fields.js';
import { includes } from './proofs.js';
import {
  RECEIPT_VERSION,
  receiptHeader,
  summaryOf,
  type ProvenLeaf,
  type Receipt,
} from './receipt.js';
import { openCheckpoint, openNote, type Opened } from './signed-checkpoint.js';
import type { NoteVerifier } from './signed-note.js';

export interface VerifiedReceipt {
  readonly receipt: Receipt;
  readonly checkpoint: Checkpoint;
  readonly disclosed: readonly { readonly field: string; readonly value: string | null }[];
}

export function verifyReceipt(
  text: string,
  keys: readonly NoteVerifier[],
): Opened<VerifiedReceipt> {
  const receipt = receiptIn(text);
  if (!receipt) return { problem: 'it is no receipt, no export and no checkpoint' };
  const signed = openCheckpoint(receipt.checkpoint, keys);
  if ('problem' in signed) return signed;
  const checkpoint = signed.opened;
  for (const [n, proven] of receipt.events.entries()) {
    const problem = wrongWith(proven, receipt, checkpoint);
    if (problem !== undefined) return { problem: `event ${n + 1} ${problem}` };
  }
  const problem =
    orderOf(receipt) ?? headerProblem(receipt, checkpoint, keys) ?? summaryProblem(receipt);
  if (problem !== undefined) return { problem };
  const disclosed = receipt.disclosures.map((one) => openedIn(receipt, one));
  if (disclosed.some((one) => one === undefined))
    return { problem: 'what is disclosed is not what the events commit to' };
  return { opened: { receipt, checkpoint, disclosed: disclosed.flatMap((one) => one ?? []) } };
}

function receiptIn(text: string): Receipt | undefined {
  try {
    const receipt = JSON.parse(text) as Receipt;
    if (receipt.modelroute_receipt !== RECEIPT_VERSION) return undefined;
    const lists = [receipt.events, receipt.disclosures];
    if (!lists.every((list) => Array.isArray(list))) return undefined;
    // So that none of it is too deep, or beyond a number, further down.
    canonicalJson(receipt);
    if (!isWrittenOnce(text, receipt) || !hasOnly(receipt, RECEIPT_FIELDS)) return undefined;
    return receipt.events.every(isProven) ? receipt : undefined;
  } catch {
    return undefined;
  }
}

const RECEIPT_FIELDS = [
  'modelroute_receipt',
  'organization_id',
  'execution_id',
  'status',
  'input',
  'output',
  'hold',
  'charge',
  'checkpoint',
  'header',
  'events',
  'disclosures',
];

/** What nobody proves would be read as if it were. */
const hasOnly = (given: object, names: readonly string[]): boolean =>
  Object.keys(given).every((name) => names.includes(name));

/** No field stands twice: of two, one program shows the first, and another the second. */
function isWrittenOnce(text: string, value: unknown): boolean {
  const plain = text.replaceAll(/"(?:[^"\\]|\\.)*"|\s+/g, (part) =>
    part.startsWith('"') ? JSON.stringify(JSON.parse(part)) : '',
  );
  return plain === JSON.stringify(value);
}

function isProven(given: Partial<ProvenLeaf> | null): boolean {
  if (!given || !hasOnly(given, ['index', 'leaf', 'proof'])) return false;
  const { data, _sd: commitments = [] } = given.leaf ?? {};
  return typeof data === 'object' && data !== null && Array.isArray(commitments);
}

function wrongWith(
  { index, leaf, proof }: ProvenLeaf,
  receipt: Receipt,
  { size, root }: Checkpoint,
): string | undefined {
  const hashes = Array.isArray(proof) ? proof.map((one) => hashFromBase64(String(one))) : [];
  const isRead = hashes.every((hash): hash is TreeHash => hash !== undefined);
  if (!Number.isSafeInteger(index) || index < 0 || !isRead) return 'has no proof';
  const given = { index, size, root, leaf: leafHash(canonicalJson(leaf)), proof: hashes };
  if (!includes(given)) return 'is not in the signed log';
  if (leaf.v !== LEAF_VERSION) return 'has a leaf of a version that is not known here';
  if (leaf.organization_id !== receipt.organization_id) return 'is of another organization';
  const { execution_id: id = leaf.subject } = leaf.data as { execution_id?: string };
  return id === receipt.execution_id ? undefined : 'is of another execution';
}

function orderOf({ events }: Receipt): string | undefined {
  const isBehind = ({ index }: ProvenLeaf, n: number) =>
    n === 0 || index > (events[n - 1]?.index ?? index);
  if (events.length === 0) return 'it proves no event';
  return events.every(isBehind) ? undefined : 'its events are not in the order of the log';
}

function headerProblem(
  receipt: Receipt,
  { origin }: Checkpoint,
  keys: readonly NoteVerifier[],
): string | undefined {
  const read = openNote(receipt.header, keys, 'header');
  if ('problem' in read) return read.problem;
  if (read.opened.key.name !== origin) return 'the header is signed by the key of another log';
  const isOfThese = read.opened.text === receiptHeader(receipt, receipt.events);
  return isOfThese ? undefined : 'its events are not those that its header names';
}

function summaryProblem(receipt: Receipt): string | undefined {
  const summary = summaryOf(receipt.events.map(({ leaf }) => leaf));
  for (const [field, value] of Object.entries(summary))
    if (canonicalJson(value) !== canonicalJson(receipt[field as keyof typeof summary] ?? null))
      return `its ${field} is not what its events say`;
  return undefined;
}

function openedIn({ events }: Receipt, disclosure: unknown) {
  if (typeof disclosure !== 'string') return undefined;
  const digest = disclosureDigest(disclosure);
  const isCommitted = events.some(({ leaf }) => leaf._sd?.includes(digest));
  return isCommitted ? readDisclosure(disclosure) : undefined;
}
