/** One output of a provider, fetched and kept as a file of ours. */
import { Readable } from 'node:stream';
import type { Modality, OutputFile } from '../../contracts/events/execution.js';
import type { FileEvent } from '../../contracts/events/file.js';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { contentOf } from '../../domain/file/view.js';
import { readEvents } from '../../command-handling/streams.js';
import { pause } from '../../infra/concurrency/pause.js';
import { FileDamaged, FileTooLarge, OwnerErased } from '../../infra/files/errors.js';
import { bytesInStore } from '../../infra/files/byte-source.js';
import { inspectFile } from '../../infra/files/inspect-file.js';
import type { FileStore, StoredFile } from '../../infra/files/port.js';
import { storedFile } from '../../infra/files/stored.js';
import type { Infra } from '../../runtime/infra.js';
import type { ProducedFile } from '../../providers/port.js';
import {
  FILE_BYTES_MAX,
  openSource,
  tooLarge,
  troubleIn,
  unusable,
  type Fetching,
  type Trouble,
} from './output-source.js';

/** What the file must be, and where it comes from. */
export interface Wanted extends Omit<Fetching, 'downloads'> {
  readonly organizationId: OrganizationId;
  readonly modality: Modality;
  /** Of numbers, which no magic bytes tell. */
  readonly shape?: readonly number[];
}

/**
 * What was recorded of this file before stands, and what was stored before is not fetched again:
 * the provider may have other bytes by now. Bytes that are not those that were recorded are none.
 */
export async function fetchOutput(
  infra: Infra,
  fileId: FileId,
  source: ProducedFile,
  wanted: Wanted,
): Promise<OutputFile | Trouble> {
  const { files } = infra;
  const recorded = await recordedFile(infra, fileId);
  const size = await files.size(fileId);
  if (recorded && size === recorded.sizeBytes) return recorded;
  // Bytes of another size are not those that the log names.
  if (recorded && size !== undefined) await files.remove(fileId);
  const stored = recorded ? undefined : await storedIntact(files, fileId);
  const before = stored && (await described(infra, fileId, stored, wanted));
  if (before && !('kind' in before)) return before;
  if (before) await files.remove(fileId);
  const kept = await fetchWithPatience(infra, fileId, source, wanted);
  if ('kind' in kept || !recorded) return kept;
  if (kept.sha256 === recorded.sha256) return recorded;
  await files.remove(fileId);
  return unusable('its bytes are no longer those that were recorded');
}

/** What is damaged is removed. */
async function storedIntact(files: FileStore, fileId: FileId): Promise<StoredFile | undefined> {
  try {
    return await storedFile(files, fileId);
  } catch (error) {
    if (!(error instanceof FileDamaged)) throw error;
    await files.remove(fileId);
    return undefined;
  }
}

/** What the log names stays. Only for an execution that is over: nobody can record it then. */
export async function removeUnrecorded(infra: Infra, fileId: FileId): Promise<void> {
  if (!(await recordedFile(infra, fileId))) await infra.files.remove(fileId);
}

async function recordedFile({ store }: Infra, fileId: FileId): Promise<OutputFile | undefined> {
  const [event] = await readEvents<FileEvent>(store, streamOf('file', fileId));
  if (event?.type !== 'FileStored') return undefined;
  return { fileId, ...contentOf(event.data) };
}

/** A store that is not yet told of a file is asked again: after 0.3 s, 1.3 s and 4.3 s in all. */
const EARLY_PAUSES_MS = [300, 1_000, 3_000];

/** What was no output is not kept. */
async function fetchWithPatience(
  infra: Infra,
  fileId: FileId,
  source: ProducedFile,
  wanted: Wanted,
): Promise<OutputFile | Trouble> {
  const isAddress = 'url' in source && !/^\s*data:/i.test(source.url);
  for (let tries = 0; ; tries++) {
    const put = await fetchAndPut(infra, fileId, source, wanted);
    const kept = 'kind' in put ? put : await described(infra, fileId, put, wanted);
    if (!('kind' in kept)) return kept;
    if (!('kind' in put)) await infra.files.remove(fileId);
    if (kept.kind !== 'early') return kept;
    const pauseMs = EARLY_PAUSES_MS[tries];
    if (pauseMs === undefined || !isAddress) return unusable(kept.reason);
    await pause(pauseMs, wanted.signal);
    if (wanted.signal.aborted) return { kind: 'unreachable', reason: 'called off' };
  }
}

async function fetchAndPut(
  infra: Infra,
  fileId: FileId,
  source: ProducedFile,
  wanted: Wanted,
): Promise<StoredFile | Trouble> {
  const { downloads, files } = infra;
  const bytes = await openSource(source, { downloads, ...wanted });
  if (!(bytes instanceof Readable)) return bytes;
  try {
    return await files.put(fileId, wanted.organizationId, bytes, FILE_BYTES_MAX);
  } catch (error) {
    if (error instanceof OwnerErased) return unusable('its organization was erased');
    if (error instanceof FileTooLarge) return tooLarge;
    const trouble = troubleIn(error);
    if (trouble) return trouble;
    throw error;
  }
}

/** What the stored bytes are. A page in the place of a picture may be there for a moment only. */
async function described(
  { files }: Infra,
  fileId: FileId,
  stored: StoredFile,
  { modality, shape }: Wanted,
): Promise<OutputFile | Trouble> {
  if (shape) return { fileId, ...numbers(shape), ...stored };
  if (stored.sizeBytes === 0) return { kind: 'early', reason: 'no bytes' };
  const info = await inspectFile(bytesInStore(files, fileId, stored.sizeBytes));
  if (info?.contentType.startsWith(`${modality}/`)) return { fileId, ...info, ...stored };
  const what = info ? `${info.contentType}, where ${modality} is due` : 'no known format';
  return { kind: 'early', reason: what };
}

const numbers = (shape: readonly number[]) => ({
  contentType: 'application/octet-stream',
  format: 'float32',
  shape,
});
