/**
 * Signed notes (C2SP signed-note): a text and lines of signatures beneath it, by keys that have a
 * name. Ours are Ed25519, which has one signature for one text.
 *
 *   text, with a newline at its end · blank line · "— <key name> <base64(key id, signature)>" each
 */
import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto';

/** Who signs, by name and public key; written as `<name>+<key id>+<base64>` (a *vkey*). */
export interface NoteVerifier {
  readonly name: string;
  /** Eight hex digits. */
  readonly keyId: string;
  readonly vkey: string;
  verifies(text: string, signature: Buffer): boolean;
}

export interface NoteSigner extends NoteVerifier {
  sign(text: string): Buffer;
}

interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Buffer;
}

export interface Note {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const ED25519 = 1;
const KEY_BYTES = 32;
const SIGNATURES_MAX = 100;
const NOTE_CHARS_MAX = 1_000_000;

/** What stands before the 32 bytes of a key in DER: RFC 8410. */
const PRIVATE_KEY_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_KEY_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** `seed`: the 32 bytes of the private key. */
export function openSigner(name: string, seed: Buffer): NoteSigner {
  const key = Buffer.concat([PRIVATE_KEY_HEAD, seed]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const verifier = verifierOf(name, der.subarray(PUBLIC_KEY_HEAD.length));
  return { ...verifier, sign: (text) => sign(null, Buffer.from(text), privateKey) };
}

/** Undefined for a text that is no vkey of an Ed25519 key, or whose key id is not the key's. */
export function parseVerifier(vkey: string): NoteVerifier | undefined {
  const [, name = '', keyId = '', base64 = ''] =
    /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== 1 + KEY_BYTES || bytes[0] !== ED25519) return undefined;
  const verifier = verifierOf(name, bytes.subarray(1));
  return verifier.keyId === keyId ? verifier : undefined;
}

function verifierOf(name: string, key: Buffer): NoteVerifier {
  const typed = Buffer.concat([Buffer.of(ED25519), key]);
  const named = Buffer.concat([Buffer.from(`${name}\n`), typed]);
  const keyId = hash('sha256', named, 'hex').slice(0, 8);
  const publicKey = createPublicKey({
    key: Buffer.concat([PUBLIC_KEY_HEAD, key]),
    format: 'der',
    type: 'spki',
  });
  return {
    name,
    keyId,
    vkey: `${name}+${keyId}+${typed.toString('base64')}`,
    verifies: (text, signature) => verify(null, Buffer.from(text), publicKey, signature),
  };
}

/** `text` ends with a newline. */
export function signNote(text: string, signer: NoteSigner): string {
  const bytes = Buffer.concat([Buffer.from(signer.keyId, 'hex'), signer.sign(text)]);
  return `${text}\n— ${signer.name} ${bytes.toString('base64')}\n`;
}

const SIGNATURE_LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/;

/** Undefined for a text that is no note. Its signatures are not verified here. */
export function parseNote(note: string): Note | undefined {
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || note.length > NOTE_CHARS_MAX || !note.endsWith('\n')) return undefined;
  if (/[\u0000-\u0009\u000b-\u001f]|\p{Surrogate}/u.test(note)) return undefined;
  const lines = note.slice(end + 2, -1).split('\n');
  if (lines.length > SIGNATURES_MAX) return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const [, name, base64] = SIGNATURE_LINE.exec(line) ?? [];
    const bytes = Buffer.from(base64 ?? '', 'base64');
    if (name === undefined || bytes.length < 5) return undefined;
    const keyId = bytes.subarray(0, 4).toString('hex');
    signatures.push({ name, keyId, signature: bytes.subarray(4) });
  }
  return { text: note.slice(0, end + 1), signatures };
}

/**
 * The key that signed the note, of those that are trusted; `unknown` where none of them did, and
 * `forged` where a signature under one's name and id is not by it.
 */
export function signerOf(
  { text, signatures }: Note,
  trusted: readonly NoteVerifier[],
): NoteVerifier | 'unknown' | 'forged' {
  let signedBy: NoteVerifier | undefined;
  for (const { name, keyId, signature } of signatures) {
    const verifier = trusted.find((one) => one.name === name && one.keyId === keyId);
    if (verifier && !verifier.verifies(text, signature)) return 'forged';
    signedBy ??= verifier;
  }
  return signedBy ?? 'unknown';
}
