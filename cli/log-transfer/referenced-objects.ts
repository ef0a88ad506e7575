/**
 * What events refer to and the log does not hold: payloads, and files. An
 * archive has them beside the events that name them, small payloads in lines, large ones and files
 * as blobs under their digest.
 */
import { createHash, hash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { PayloadRef } from '../../contracts/events/execution.js';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { FileDamaged } from '../../infra/files/errors.js';
import type { FileStore } from '../../infra/files/port.js';
import { SMALL_PAYLOAD_BYTES_MAX, type PayloadStore } from '../../infra/payloads/port.js';
import { StartError } from '../../infra/start-error.js';
import { blobFile, putInPlace, type ObjectCounts, type Contents } from './archive.js';

export type ReferencedObject =
  | {
      readonly kind: 'payload';
      readonly ref: string;
      readonly organization_id: OrganizationId;
      readonly bytes: number;
      readonly sha256: string;
      readonly base64: string;
    }
  | {
      readonly kind: 'large_payload';
      readonly ref: string;
      readonly organization_id: OrganizationId;
      readonly bytes: number;
      readonly sha256: string;
    }
  | {
      readonly kind: 'file';
      readonly file_id: FileId;
      /** Absent in an archive of a release that encrypted nothing. */
      readonly organization_id?: OrganizationId;
      readonly bytes: number;
      readonly sha256: string;
    }
  | { readonly kind: 'missing'; readonly name: string; readonly why: string };

/** What the events of one segment name, each thing once. */
export interface References {
  readonly payloads: Map<string, { readonly ref: PayloadRef; readonly owner: OrganizationId }>;
  readonly files: Map<FileId, NamedFile>;
}

interface NamedFile {
  readonly organization_id: OrganizationId;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ObjectSource {
  readonly folder: string;
  readonly payloads: PayloadStore;
  readonly files: FileStore | undefined;
  readonly contents: Contents;
}

export const noReferences = (): References => ({ payloads: new Map(), files: new Map() });

export function note(named: References, { type, data }: RecordedEvent<AnyEvent>): void {
  if (type === 'FileStored' || type === 'FileUploaded')
    named.files.set(data.fileId, {
      organization_id: data.organizationId,
      bytes: data.sizeBytes,
      sha256: data.sha256,
    });
  // What is gone may be missing, and is not missed.
  if (type === 'FileDeleted' || type === 'FileExpired') named.files.delete(data.fileId);
  const noteOf = (ref: PayloadRef, owner: OrganizationId) =>
    named.payloads.set(ref.ref, { ref, owner });
  if (type === 'ExecutionRequested') noteOf(data.input, data.organizationId);
  if (type === 'ProviderSucceeded' || type === 'ExecutionCompleted')
    noteOf(data.output, data.organizationId);
}

const AT_ONCE = 64;

/** The lines; what is counted grows as they are taken. */
export function collect(source: ObjectSource, named: References) {
  const counted = { payloads: 0, files: 0, missing: 0 };
  async function* lines(): AsyncGenerator<string> {
    const { payloads, files } = source.contents;
    const small: Wanted[] = [];
    for (const wanted of named.payloads.values()) {
      if (wanted.ref.bytes <= SMALL_PAYLOAD_BYTES_MAX) small.push(wanted);
      else if (files) yield count(counted, await largePayload(source, wanted));
    }
    for (let at = 0; payloads && at < small.length; at += AT_ONCE) {
      const some = small.slice(at, at + AT_ONCE).map((wanted) => smallPayload(source, wanted));
      for (const object of await Promise.all(some)) yield count(counted, object);
    }
    if (!files) return;
    for (const [fileId, about] of named.files)
      yield count(counted, await storedFile(source, fileId, about));
  }
  return { lines: lines(), counted: counted satisfies ObjectCounts };
}

type Wanted = References['payloads'] extends Map<string, infer W> ? W : never;

function count(
  counted: { payloads: number; files: number; missing: number },
  object: ReferencedObject,
): string {
  if (object.kind === 'missing') counted.missing += 1;
  else if (object.kind === 'file') counted.files += 1;
  else counted.payloads += 1;
  return `${JSON.stringify(object)}\n`;
}

const missing = (name: string, why: string): ReferencedObject => ({ kind: 'missing', name, why });

async function smallPayload(
  { payloads }: ObjectSource,
  { ref, owner }: Wanted,
): Promise<ReferencedObject> {
  const bytes = await bytesOf(payloads, ref);
  if (typeof bytes === 'string') return missing(ref.ref, bytes);
  const base64 = bytes.toString('base64');
  return { kind: 'payload', ...ref, organization_id: owner, base64 };
}

async function largePayload(
  source: ObjectSource,
  { ref, owner }: Wanted,
): Promise<ReferencedObject> {
  const { sha256 } = ref;
  if (!(await isThere(source.folder, sha256))) {
    const bytes = await bytesOf(source.payloads, ref);
    if (typeof bytes === 'string') return missing(ref.ref, bytes);
    await writeBlob(source.folder, sha256, [bytes]);
  }
  return { kind: 'large_payload', ...ref, organization_id: owner };
}

/** Or why there are none: erased ones are a fact of life, and others must not stop a move. */
async function bytesOf(payloads: PayloadStore, ref: PayloadRef): Promise<Buffer | string> {
  try {
    const bytes = await payloads.get(ref);
    if (!bytes) return 'it is not there';
    return hash('sha256', bytes, 'hex') === ref.sha256 ? bytes : 'it has other bytes';
  } catch (error) {
    const isOfAll = error instanceof StoreUnavailable || error instanceof StartError;
    if (isOfAll || !(error instanceof Error)) throw error;
    return error.message;
  }
}

async function storedFile(
  { folder, files }: ObjectSource,
  fileId: FileId,
  about: NamedFile,
): Promise<ReferencedObject> {
  if (!(await isThere(folder, about.sha256))) {
    const stream = await files?.open(fileId);
    if (!stream) return missing(fileId, 'it is not there');
    if (!(await writeBlob(folder, about.sha256, stream)))
      return missing(fileId, 'it has other bytes');
  }
  return { kind: 'file', file_id: fileId, ...about };
}

const isThere = (folder: string, sha256: string): Promise<boolean> =>
  stat(join(folder, blobFile(sha256))).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );

/** False, and nothing is left, when the bytes are others than the digest says. */
async function writeBlob(
  folder: string,
  sha256: string,
  bytes: Readable | readonly Buffer[],
): Promise<boolean> {
  const path = join(folder, blobFile(sha256));
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const written = `${path}.${randomUUID()}.part`;
  const digest = createHash('sha256');
  const summing = new Transform({
    transform(chunk: Buffer, _, done) {
      digest.update(chunk);
      done(null, chunk);
    },
  });
  const file = createWriteStream(written, { mode: 0o600, flush: true });
  const isWhole = await pipeline(bytes, summing, file).then(() => true, unlessDamaged);
  const isRight = isWhole && digest.digest('hex') === sha256;
  if (isRight) await putInPlace(written, path);
  else await rm(written, { force: true });
  return isRight;
}

function unlessDamaged(error: unknown): boolean {
  if (error instanceof FileDamaged) return false;
  throw error;
}
