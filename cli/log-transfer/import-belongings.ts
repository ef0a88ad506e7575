/** Puts what an archive holds beside its events where configuration says that it lies. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { FileStore } from '../../infra/files/port.js';
import type { PayloadStore } from '../../infra/payloads/port.js';
import { StartError } from '../../infra/start-error.js';
import { blobFile, type Segment } from './archive.js';
import type { Belonging } from './belongings.js';
import { expectIntact, readLines } from './lines.js';

export interface Rooms {
  readonly payloads: PayloadStore;
  readonly files: FileStore;
}

const AT_ONCE = 64;

/** Repeatable: the first bytes under a ref stay, and they are the same. */
export async function importBelongings(
  folder: string,
  { belongings }: Segment,
  rooms: Rooms,
  signal: AbortSignal,
): Promise<void> {
  if (!belongings) return;
  for await (const lines of readLines(folder, belongings))
    for (let at = 0; at < lines.length; at += AT_ONCE) {
      signal.throwIfAborted();
      const some = lines.slice(at, at + AT_ONCE);
      await Promise.all(some.map((line) => put(folder, JSON.parse(line) as Belonging, rooms)));
    }
}

/** Whether the first payload of the segment is there: it was brought before its events. */
export async function isFurnished(
  folder: string,
  { belongings }: Segment,
  { payloads, files }: Rooms,
): Promise<boolean> {
  if (!belongings || belongings.bytes === 0) return true;
  for await (const lines of readLines(folder, belongings))
    for (const line of lines) {
      const belonging = JSON.parse(line) as Belonging;
      if (belonging.kind === 'missing') continue;
      if (belonging.kind === 'file')
        return (await files.size(belonging.file_id)) === belonging.bytes;
      const { ref, sha256, bytes } = belonging;
      return (await payloads.get({ ref, sha256, bytes })) !== undefined;
    }
  return true;
}

async function put(folder: string, belonging: Belonging, { payloads, files }: Rooms) {
  switch (belonging.kind) {
    case 'missing':
      return;
    case 'payload': {
      const { ref, organization_id: organizationId, sha256, base64 } = belonging;
      const bytes = Buffer.from(base64, 'base64');
      if (hash('sha256', bytes, 'hex') !== sha256)
        throw new StartError(`The payload ${ref} of the export has other bytes than its digest.`);
      return payloads.put({ ref, organizationId, bytes });
    }
    case 'large_payload': {
      const { ref, organization_id: organizationId, sha256 } = belonging;
      const path = join(folder, blobFile(sha256));
      await expectIntact(path, sha256);
      return payloads.put({ ref, organizationId, bytes: await readFile(path) });
    }
    case 'file': {
      const { file_id: id, bytes, sha256 } = belonging;
      if ((await files.size(id)) === bytes) return;
      const path = join(folder, blobFile(sha256));
      await expectIntact(path, sha256);
      await files.put(id, createReadStream(path), bytes);
    }
  }
}
