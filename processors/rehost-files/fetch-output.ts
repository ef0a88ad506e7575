/** One output of a provider, fetched and kept as a file of ours. */
import { Readable } from 'node:stream';
import type { OutputFile } from '../../contracts/events/execution.js';
import type { FileEvent } from '../../contracts/events/file.js';
import type { FileId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { readEvents } from '../../command-handling/streams.js';
import { FileTooLarge } from '../../infra/files/errors.js';
import { bytesInStore } from '../../infra/files/byte-source.js';
import { inspectFile } from '../../infra/files/inspect-file.js';
import type { StoredFile } from '../../infra/files/port.js';
import { storedFile } from '../../infra/files/stored.js';
import type { Infra } from '../../runtime/infra.js';
import { DownloadCut } from '../../http/client/receive.js';
import type { ProducedFile } from '../../providers/port.js';

/** `unusable` for good; `unreachable` now, perhaps not later. */
export type Trouble = 'unusable' | 'unreachable';

const DOWNLOAD_TIMEOUT_MS = 60_000;
const FILE_BYTES_MAX = 150 * 1024 * 1024;

/**
 * What was recorded of this file before stands, and what was stored before is not fetched again:
 * the provider may have other bytes by now. Bytes that are not those that were recorded are none.
 */
export async function fetchOutput(
  infra: Infra,
  fileId: FileId,
  source: ProducedFile,
  signal: AbortSignal,
): Promise<OutputFile | Trouble> {
  const { files } = infra;
  const recorded = await recordedFile(infra, fileId);
  const size = await files.size(fileId);
  if (recorded && size === recorded.sizeBytes) return recorded;
  // Bytes of another size are not those that the log names.
  if (recorded && size !== undefined) await files.remove(fileId);
  const stored = recorded ? undefined : await storedFile(files, fileId);
  const kept = stored ?? (await fetchAndPut(infra, fileId, source, signal));
  if (typeof kept === 'string') return kept;
  if (recorded) {
    if (kept.sha256 === recorded.sha256) return recorded;
    await files.remove(fileId);
    return 'unusable';
  }
  const info = await inspectFile(bytesInStore(files, fileId, kept.sizeBytes));
  return info?.contentType.startsWith('image/') ? { fileId, ...info, ...kept } : 'unusable';
}

/** What the log names stays. Only for an execution that has failed: nobody can record it then. */
export async function removeUnrecorded(infra: Infra, fileId: FileId): Promise<void> {
  if (!(await recordedFile(infra, fileId))) await infra.files.remove(fileId);
}

async function recordedFile({ store }: Infra, fileId: FileId): Promise<OutputFile | undefined> {
  const [event] = await readEvents<FileEvent>(store, streamOf('file', fileId));
  if (!event) return undefined;
  const { organizationId: _o, executionId: _e, purpose: _p, at: _a, ...file } = event.data;
  return file;
}

async function fetchAndPut(
  infra: Infra,
  fileId: FileId,
  source: ProducedFile,
  signal: AbortSignal,
): Promise<StoredFile | Trouble> {
  const bytes = await bytesOf(infra, source, signal);
  if (typeof bytes === 'string') return bytes;
  try {
    return await infra.files.put(fileId, bytes, FILE_BYTES_MAX);
  } catch (error) {
    if (error instanceof FileTooLarge) return 'unusable';
    if (error instanceof DownloadCut)
      return error.reason === 'too_large' ? 'unusable' : 'unreachable';
    throw error;
  }
}

async function bytesOf(
  { downloads }: Infra,
  source: ProducedFile,
  signal: AbortSignal,
): Promise<Readable | Trouble> {
  if ('base64' in source) return Readable.from([Buffer.from(source.base64, 'base64')]);
  const { url } = source;
  const limits = { timeoutMs: DOWNLOAD_TIMEOUT_MS, bytesMax: FILE_BYTES_MAX };
  const result = await downloads.download({ url, ...limits, signal });
  if (result.kind === 'refused') return 'unusable';
  if (result.kind === 'failed') return result.reason === 'too_large' ? 'unusable' : 'unreachable';
  if (result.status === 200) return result.body;
  result.body.destroy();
  return result.status >= 500 || result.status === 429 ? 'unreachable' : 'unusable';
}
