/**
 * What was signed of a log travels with it: checkpoints, and the public keys that signed. Tiles do
 * not: the tree is made again from the log, and must come to every root that is here.
 *
 *   {"vkey":"…"}                       oldest first
 *   {"note":"…","signed_at":"…"}       ascending sizes, none beyond the events of the archive
 */
import { openCheckpoint } from '../../domain/proof/signed-checkpoint.js';
import { parseVerifier, type NoteVerifier } from '../../domain/proof/signed-note.js';
import { originOfLog } from '../../domain/proof/checkpoint.js';
import type { ProofStore, StoredCheckpoint } from '../../infra/proof-store/port.js';
import { StartError } from '../../infra/start-error.js';
import { PROOF_FILE, type Manifest, type ProofPart } from './archive.js';
import { readLines, writeLines } from './lines.js';

type Signed = Pick<ProofStore, 'checkpoints' | 'vkeys'>;

const PAGE = 1_000;

/** Null of a log without events. */
export async function writeSignedProof(
  proofs: Signed,
  folder: string,
  { events, segments: [first] }: Pick<Manifest, 'events' | 'segments'>,
): Promise<ProofPart | null> {
  if (!first) return null;
  const origin = originOfLog(first.first.id);
  let [keys, checkpoints] = [0, 0];
  async function* texts(): AsyncGenerator<string> {
    for (const vkey of (await proofs.vkeys(origin)).toReversed()) {
      keys += 1;
      yield `${JSON.stringify({ vkey })}\n`;
    }
    for (let after = 0; ;) {
      const page = await proofs.checkpoints(origin, after, PAGE);
      const within = page.filter(({ size }) => size <= events);
      checkpoints += within.length;
      yield within.map(lineOf).join('');
      if (within.length < PAGE) return;
      after = within.at(-1)?.size ?? after;
    }
  }
  const part = await writeLines(folder, PROOF_FILE, texts());
  return { ...part, keys, checkpoints };
}

const lineOf = ({ note, signedAt }: StoredCheckpoint): string =>
  `${JSON.stringify({ note, signed_at: signedAt.toISOString() })}\n`;

type Restoring = Pick<ProofStore, 'addVkey' | 'restore'>;

/** Throws `StartError` where the target has another checkpoint of one size: the log was forked. */
export async function restoreSignedProof(
  proofs: Restoring,
  folder: string,
  { proof, segments: [first] }: Pick<Manifest, 'proof' | 'segments'>,
): Promise<void> {
  if (!proof || !first) return;
  const origin = originOfLog(first.first.id);
  const keys: NoteVerifier[] = [];
  for await (const lines of readLines(folder, proof)) {
    const checkpoints: StoredCheckpoint[] = [];
    for (const line of lines) {
      const { vkey, note, signed_at } = JSON.parse(line) as Partial<Record<string, string>>;
      if (vkey === undefined) checkpoints.push(checkpointIn({ origin, note, signed_at }, keys));
      else {
        keys.push(verifierIn(vkey));
        await proofs.addVkey(origin, vkey);
      }
    }
    for (let at = 0; at < checkpoints.length; at += PAGE)
      await restore(proofs, origin, checkpoints.slice(at, at + PAGE));
  }
}

function verifierIn(vkey: string): NoteVerifier {
  const verifier = parseVerifier(vkey);
  if (verifier) return verifier;
  throw new StartError(`${PROOF_FILE} of the export has '${vkey}', which is no public key.`);
}

interface CheckpointLine {
  readonly origin: string;
  readonly note: string | undefined;
  readonly signed_at: string | undefined;
}

function checkpointIn(
  { origin, note = '', signed_at = '' }: CheckpointLine,
  keys: readonly NoteVerifier[],
): StoredCheckpoint {
  const read = openCheckpoint(note, keys);
  const isOfLog = 'opened' in read && read.opened.origin === origin;
  if (!isOfLog)
    throw new StartError(
      `${PROOF_FILE} of the export has a checkpoint that no key of its log signed.`,
    );
  const { size, root } = read.opened;
  return { size, root, note, signedAt: new Date(signed_at) };
}

async function restore(
  proofs: Restoring,
  origin: string,
  checkpoints: readonly StoredCheckpoint[],
): Promise<void> {
  const forkedAt = await proofs.restore(origin, checkpoints);
  if (forkedAt === undefined) return;
  throw new StartError(
    `The first ${forkedAt} events were signed with another root in this database than in the ` +
      'export: one of the two logs was forked. Keep both, and find out which one was changed.',
  );
}
