/**
 * Payloads as they are stored: encrypted under the key of their organization, bound to their ref.
 *
 *   'mrp1' · 16 bytes of the key's id · 12 of a random nonce · contents (AES-256-GCM) · 16 of tag
 *
 * What earlier releases stored is the contents alone. Which of both it is, the length says: a ref
 * tells how long the contents are. Digests are of the contents, so that log and proof do not know
 * how they are stored.
 */
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import type { PayloadRef } from '../../contracts/events/execution.js';
import type { CachedDataKeys, DataKey } from '../data-keys/port.js';
import type { AppendUnit, EventStore, Payload } from '../event-store/port.js';
import { intact } from './intact.js';
import type { PayloadStore, StoredPayloads } from './port.js';

const ALGORITHM = 'aes-256-gcm';
const MARK = Buffer.from('mrp1');
const [ID_AT, NONCE_AT, CONTENTS_AT, TAG_BYTES] = [4, 20, 32, 16] as const;

/** So many more than the contents; at most `STORED_BEYOND_MAX`. */
const SEAL_BYTES = CONTENTS_AT + TAG_BYTES;

/** Over a store that keeps what it is given. An organization without a key keeps nothing. */
export function openSealedPayloads(keys: CachedDataKeys, stored: StoredPayloads): PayloadStore {
  return {
    async put(payload) {
      const { organizationId } = payload;
      const key = keys.known(organizationId) ?? (await keys.keyFor(organizationId));
      if (key !== 'erased') await stored.put(sealed(key, payload));
    },
    async get(ref) {
      const bytes = await stored.get(ref);
      if (!bytes || bytes.length === ref.bytes) return bytes && intact(ref, bytes);
      const contents = await unsealed(keys, ref, bytes);
      return contents && intact(ref, contents);
    },
    remove: (ref, bytes) => stored.remove(ref, bytes),
  };
}

/** A store whose units bring their payloads sealed. A key that is known costs no wait. */
export function openSealingStore(keys: CachedDataKeys, store: EventStore): EventStore {
  const append = (unit: AppendUnit, payloads: readonly Payload[]) =>
    store.append({ ...unit, payloads });
  return {
    append(unit) {
      if (!unit.payloads?.length) return store.append(unit);
      const payloads = sealedAtOnce(keys, unit.payloads);
      if (payloads) return append(unit, payloads);
      return sealedLater(keys, unit.payloads).then((later) => append(unit, later));
    },
    readStream: (stream, options) => store.readStream(stream, options),
    readAll: (after, limit, filter) => store.readAll(after, limit, filter),
    readAt: (places) => store.readAt(places),
    subscribe: (after, filter, signal) => store.subscribe(after, filter, signal),
    head: () => store.head(),
    readSnapshot: (stream) => store.readSnapshot(stream),
    writeSnapshot: (stream, snapshot) => store.writeSnapshot(stream, snapshot),
    close: () => store.close(),
  };
}

/** Undefined where a key is not known. */
function sealedAtOnce(
  keys: CachedDataKeys,
  payloads: readonly Payload[],
): readonly Payload[] | undefined {
  const all: Payload[] = [];
  for (const payload of payloads) {
    const key = keys.known(payload.organizationId);
    if (!key) return undefined;
    all.push(sealed(key, payload));
  }
  return all;
}

/** Without those of organizations that were erased. */
async function sealedLater(
  keys: CachedDataKeys,
  payloads: readonly Payload[],
): Promise<readonly Payload[]> {
  const all: Payload[] = [];
  for (const payload of payloads) {
    const key = await keys.keyFor(payload.organizationId);
    if (key !== 'erased') all.push(sealed(key, payload));
  }
  return all;
}

function sealed(key: DataKey, { ref, organizationId, bytes }: Payload): Payload {
  const nonce = newNonce();
  const cipher = createCipheriv(ALGORITHM, key.secret, nonce);
  cipher.setAAD(about(organizationId, ref));
  const encrypted = cipher.update(bytes);
  cipher.final();
  const all = Buffer.concat([headOf(key), nonce, encrypted, cipher.getAuthTag()]);
  return { ref, organizationId, bytes: all };
}

function headOf(key: DataKey): Buffer {
  const known = heads.get(key);
  if (known) return known;
  const head = Buffer.concat([MARK, Buffer.from(key.id.replaceAll('-', ''), 'hex')]);
  heads.set(key, head);
  return head;
}

const heads = new WeakMap<DataKey, Buffer>();

const NONCE_BYTES = CONTENTS_AT - NONCE_AT;
const nonces = Buffer.alloc(512 * NONCE_BYTES);
let nextNonce = nonces.length;

/** Random ones, made many at a time: one by one they would cost as much as the encryption. */
function newNonce(): Buffer {
  if (nextNonce === nonces.length) {
    randomFillSync(nonces);
    nextNonce = 0;
  }
  return nonces.subarray(nextNonce, (nextNonce += NONCE_BYTES));
}

/** Undefined once the key was destroyed. Throws what is damaged, as `intact` does. */
async function unsealed(
  keys: CachedDataKeys,
  { ref, bytes: length }: PayloadRef,
  stored: Buffer,
): Promise<Buffer | undefined> {
  const isSealed = stored.subarray(0, ID_AT).equals(MARK) && stored.length === length + SEAL_BYTES;
  if (!isSealed) throw damaged(ref, 'is not as it was stored');
  const key = await keys.keyOf(uuidIn(stored.toString('hex', ID_AT, NONCE_AT)));
  if (key === 'erased') return undefined;
  if (!key) throw damaged(ref, 'is under a data key that is not there: restore the keys');
  const options = { authTagLength: TAG_BYTES };
  const nonce = stored.subarray(NONCE_AT, CONTENTS_AT);
  const decipher = createDecipheriv(ALGORITHM, key.secret, nonce, options);
  decipher.setAAD(about(key.organizationId, ref)).setAuthTag(stored.subarray(-TAG_BYTES));
  try {
    const contents = decipher.update(stored.subarray(CONTENTS_AT, -TAG_BYTES));
    return Buffer.concat([contents, decipher.final()]);
  } catch {
    throw damaged(ref, 'was changed where it is stored');
  }
}

const damaged = (ref: string, what: string): Error => new Error(`the payload ${ref} ${what}`);

const about = (organizationId: string, ref: string): Buffer =>
  Buffer.from(`payload/1 ${organizationId} ${ref}`);

const uuidIn = (hex: string): string =>
  hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
