/**
 * Verifies what an organization was given, from the file and the public keys alone: an export, a
 * receipt, or a checkpoint.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Checkpoint } from '../../domain/proof/checkpoint.js';
import { openCheckpoint, type Opened } from '../../domain/proof/signed-checkpoint.js';
import type { NoteVerifier } from '../../domain/proof/signed-note.js';
import {
  openExportVerifier,
  type ConsistencyGiven,
  type ExportVerifier,
  type VerifiedExport,
} from '../../domain/proof/verify-export.js';
import { verifyReceipt, type VerifiedReceipt } from '../../domain/proof/verify-receipt.js';
import { linesOf } from './lines.js';

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
  let verifier: ExportVerifier | undefined;
  let number = 0;
  for await (const read of linesOf(path)) {
    if ('problem' in read) return { problem: `line ${number + 1} ${read.problem}` };
    for (const line of read.opened) {
      number += 1;
      if (verifier) {
        const problem = verifier.line(line);
        if (problem !== undefined) return { problem: `line ${number} ${problem}` };
        continue;
      }
      const text = line.toString('utf8');
      if (!text.startsWith('{"checkpoint":')) return verifyWhole(path, keys);
      const begun = openExportVerifier(text, keys);
      if ('problem' in begun) return begun;
      verifier = begun.opened;
    }
  }
  if (!verifier) return { problem: 'it is empty' };
  const ended = verifier.end();
  return 'problem' in ended ? ended : { opened: { kind: 'export', ...ended.opened } };
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
