/**
 * Verifies what an organization was given, from the file and the public keys alone: an export, a
 * receipt, or a checkpoint.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Checkpoint } from '../../domain/proof/checkpoint.js';
import { openCheckpoint, type Opened } from '../../domain/proof/signed-checkpoint.js';
import type { NoteVerifier } from '../../domain/proof/signed-note.js';
import {
  openExportVerifier,
  type ConsistencyGiven,
  type VerifiedExport,
} from '../../domain/proof/verify-export.js';
import { verifyReceipt, type VerifiedReceipt } from '../../domain/proof/verify-receipt.js';

export type Verified =
  | ({ readonly kind: 'export' } & VerifiedExport)
  | ({ readonly kind: 'receipt' } & VerifiedReceipt)
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint };

const WHOLE_BYTES_MAX = 8 * 1024 * 1024;

/** A problem is one sentence. Throws where the file cannot be read. */
export async function verifyFile(
  path: string,
  keys: readonly NoteVerifier[],
): Promise<Opened<Verified>> {
  let verifier: ReturnType<typeof openExportVerifier> | undefined;
  let number = 0;
  for await (const text of linesOf(path)) {
    number += 1;
    if (number === 1) {
      if (!text.startsWith('{"checkpoint":')) return verifyWhole(path, keys);
      verifier = openExportVerifier(text, keys);
    } else if (verifier && 'opened' in verifier) {
      const problem = verifier.opened.line(text);
      if (problem !== undefined) return { problem: `line ${number} ${problem}` };
    }
    if (verifier && 'problem' in verifier) return verifier;
  }
  if (!verifier || 'problem' in verifier) return { problem: 'it is empty' };
  const ended = verifier.opened.end();
  return 'problem' in ended ? ended : { opened: { kind: 'export', ...ended.opened } };
}

/** One read of the file, whatever its size. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path, { highWaterMark: 256 * 1024 });
  yield* createInterface({ input, crlfDelay: Infinity });
}

async function verifyWhole(path: string, keys: readonly NoteVerifier[]): Promise<Opened<Verified>> {
  const { size } = await stat(path);
  if (size > WHOLE_BYTES_MAX) return { problem: 'it does not begin as an audit export' };
  const text = await readFile(path, 'utf8');
  if (text.trimStart().startsWith('{')) {
    const read = verifyReceipt(text, keys);
    return 'problem' in read ? read : { opened: { kind: 'receipt', ...read.opened } };
  }
  const read = openCheckpoint(text, keys);
  return 'problem' in read ? read : { opened: { kind: 'checkpoint', checkpoint: read.opened } };
}

/** What an export brings to prove that an earlier checkpoint still holds. */
export const consistencyIn = (verified: Verified): ConsistencyGiven | undefined =>
  verified.kind === 'export' ? verified.consistency : undefined;
