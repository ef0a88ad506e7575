/** A checkpoint as somebody else gave it: its note, opened by the keys that are trusted. */
import { parseCheckpoint, type Checkpoint } from './checkpoint.js';
import { parseNote, signerOf, type NoteVerifier } from './signed-note.js';

export type Opened<T> = { readonly opened: T } | { readonly problem: string };

/** The text of a note that one of the keys signed; `what` names it in the sentence. */
export function openNote(
  note: unknown,
  keys: readonly NoteVerifier[],
  what: string,
): Opened<{ readonly text: string; readonly key: NoteVerifier }> {
  const parsed = typeof note === 'string' ? parseNote(note) : undefined;
  if (!parsed) return { problem: `the ${what} is no signed note` };
  const key = signerOf(parsed, keys);
  if (key === 'unknown') return { problem: `the ${what} is not signed by the key that was given` };
  if (key === 'forged') return { problem: `the signature of the ${what} is not of its text` };
  return { opened: { text: parsed.text, key } };
}

export function openCheckpoint(note: unknown, keys: readonly NoteVerifier[]): Opened<Checkpoint> {
  const read = openNote(note, keys, 'checkpoint');
  if ('problem' in read) return read;
  const { text, key } = read.opened;
  const checkpoint = parseCheckpoint(text);
  if (!checkpoint) return { problem: 'what is signed as a checkpoint is none' };
  if (checkpoint.origin !== key.name)
    return { problem: `the checkpoint is of ${checkpoint.origin}, and its key of ${key.name}` };
  return { opened: checkpoint };
}
