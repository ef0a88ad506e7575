/** Puts what an archive holds beside its events where configuration says that it lies. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { FileStored } from '../../contracts/events/file.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { OwnerErased } from '../../infra/files/errors.js';
import type { FileStore } from '../../infra/files/port.js';
import type { PayloadStore } from '../../infra/payloads/port.js';
import { StartError } from '../../infra/start-error.js';
import { blobFile, type Part, type Segment } from './archive.js';
import type { ReferencedObject } from './referenced-objects.js';
import { expectIntact, readLines, rowIn } from './lines.js';

export interface ObjectStores {
  readonly payloads: PayloadStore;
  readonly files: FileStore;
}

const AT_ONCE = 64;

/** Repeatable: the first bytes under a ref stay, and they are the same. */
export async function restoreObjects(
  folder: string,
  segment: Segment,
  objects: ObjectStores,
  signal: AbortSignal,
): Promise<void> {
  const { belongings } = segment;
  if (!belongings) return;
  const archive = { folder, ownerOf: openOwners(folder, segment) };
  for await (const lines of readLines(folder, belongings))
    for (let at = 0; at < lines.length; at += AT_ONCE) {
      signal.throwIfAborted();
      const some = lines.slice(at, at + AT_ONCE);
      await Promise.all(
        some.map((line) => put(archive, JSON.parse(line) as ReferencedObject, objects)),
      );
    }
}

/** Whether the first payload of the segment is there: it was brought before its events. */
export async function isRestored(
  folder: string,
  { belongings }: Segment,
  { payloads, files }: ObjectStores,
): Promise<boolean> {
  if (!belongings || belongings.bytes === 0) return true;
  for await (const lines of readLines(folder, belongings))
    for (const line of lines) {
      const object = JSON.parse(line) as ReferencedObject;
      if (object.kind === 'missing') continue;
      if (object.kind === 'file') return (await files.size(object.file_id)) === object.bytes;
      const { ref, sha256, bytes } = object;
      return (await payloads.get({ ref, sha256, bytes })) !== undefined;
    }
  return true;
}

interface Archive {
  readonly folder: string;
  readonly ownerOf: (file: FileObject) => Promise<OrganizationId>;
}

type FileObject = Extract<ReferencedObject, { kind: 'file' }>;

/** An archive of a release that encrypted nothing names the owners of files in its events alone. */
function openOwners(folder: string, { log }: Segment): Archive['ownerOf'] {
  let owners: Promise<ReadonlyMap<string, OrganizationId>> | undefined;
  return async ({ file_id: id, organization_id: owner }) => {
    if (owner !== undefined) return owner;
    const found = (await (owners ??= ownersIn(folder, log))).get(id);
    if (found === undefined) throw new StartError(`No event of the export names the file ${id}.`);
    return found;
  };
}

async function ownersIn(folder: string, log: Part): Promise<ReadonlyMap<string, OrganizationId>> {
  const owners = new Map<string, OrganizationId>();
  for await (const lines of readLines(folder, log))
    for (const { type, data } of lines.map(rowIn)) {
      if (type !== 'FileStored' && type !== 'FileUploaded') continue;
      const { fileId, organizationId } = JSON.parse(data) as FileStored['data'];
      owners.set(fileId, organizationId);
    }
  return owners;
}

async function put(
  { folder, ownerOf }: Archive,
  object: ReferencedObject,
  { payloads, files }: ObjectStores,
) {
  switch (object.kind) {
    case 'missing':
      return;
    case 'payload': {
      const { ref, organization_id: organizationId, sha256, base64 } = object;
      const bytes = Buffer.from(base64, 'base64');
      if (hash('sha256', bytes, 'hex') !== sha256)
        throw new StartError(`The payload ${ref} of the export has other bytes than its digest.`);
      return payloads.put({ ref, organizationId, bytes });
    }
    case 'large_payload': {
      const { ref, organization_id: organizationId, sha256 } = object;
      const path = join(folder, blobFile(sha256));
      await expectIntact(path, sha256);
      return payloads.put({ ref, organizationId, bytes: await readFile(path) });
    }
    case 'file': {
      const { file_id: id, bytes, sha256 } = object;
      const stored = await files.size(id);
      if (stored === bytes) return;
      const path = join(folder, blobFile(sha256));
      await expectIntact(path, sha256);
      if (stored !== undefined) await files.remove(id); // it is not what the log names
      const owner = await ownerOf(object);
      await files.put(id, owner, createReadStream(path), bytes).catch(unlessErased);
    }
  }
}

/** What was erased here stays so, whatever an older archive holds. */
function unlessErased(error: unknown): undefined {
  if (!(error instanceof OwnerErased)) throw error;
}
