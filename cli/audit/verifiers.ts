/** The public keys that `--key` names. */
import { readFile } from 'node:fs/promises';
import { parseVerifier, type NoteVerifier } from '../../domain/proof/signed-note.js';
import { StartError } from '../../infra/start-error.js';

/** The key itself, or a file with one a line, as the well-known address serves them. */
export async function verifiersIn(key: string): Promise<readonly NoteVerifier[]> {
  const given = parseVerifier(key);
  if (given) return [given];
  const text = await readFile(key, 'utf8').catch(() => undefined);
  const verifiers = text?.split('\n').flatMap((line) => parseVerifier(line.trim()) ?? []) ?? [];
  if (verifiers.length > 0) return verifiers;
  throw new StartError(
    `--key is '${key}', which is no key and no file with one: take what ` +
      '/.well-known/modelroute/checkpoint-key serves.',
  );
}
