/** One output of a provider, fetched and kept as a file of ours. */
import { Readable } from 'node:stream';
import type { OutputFile } from '../../contracts/events/execution.js';
import type { FileEvent } from '../../contracts/events/file.js';
import type { FileId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { readEvents } from '../../command-handling/streams.js';
import { FileTooLarge } from '../../infra/files/errors.js';
import { inspectFile } from '../../infra/files/image-info.js';
import type { Infra } from '../../runtime/infra.js';
import { DownloadCut } from '../../http/client/receive.js';
import type { ProducedFile } from '../../providers/port.js';

/** `unusable` for good; `unreachable` now, perhaps not later. */
export type Trouble = 'unusable' | 'unreachable';

const DOWNLOAD_TIMEOUT_MS = 60_000;
const FILE_BYTES_MAX = 150 * 1024 * 1024;
/** Magic bytes and dimensions lie within these first bytes of every format that we take. */
const HEAD_BYTES = 64 * 1024;

/**
 * What was recorded of this file before stands, and is not fetched again: the provider may have
 * other bytes by now.
 */
export async function fetchOutput(
  infra: Infra,
  fileId: FileId,
  source: ProducedFile,
  signal: AbortSignal,
): Promise<OutputFile | Trouble> {
  const recorded = await recordedFile(infra, fileId);
  if (recorded) return recorded;
  const bytes = await bytesOf(infra, source, signal);
  if (typeof bytes === 'string') return bytes;
  let kept;
  try {
    kept = await infra.files.put(fileId, bytes, FILE_BYTES_MAX);
  } catch (error) {
    if (error instanceof FileTooLarge) return 'unusable';
    if (error instanceof DownloadCut)
      return error.reason === 'too_large' ? 'unusable' : 'unreachable';
    throw error;
  }
  const info = inspectFile(await headOf(infra, fileId, kept.sizeBytes));
  if (info?.contentType.startsWith('image/')) return { fileId, ...info, ...kept };
  await removeUnrecorded(infra, fileId);
  return 'unusable';
}

/** What stands in the log stays: who stood still meanwhile may be the only one who finds fault. */
export async function removeUnrecorded({ store, files }: Infra, fileId: FileId): Promise<void> {
  const [recorded] = await readEvents<FileEvent>(store, streamOf('file', fileId));
  if (!recorded) await files.remove(fileId);
}

async function recordedFile(
  { store, files }: Infra,
  fileId: FileId,
): Promise<OutputFile | undefined> {
  const [event] = await readEvents<FileEvent>(store, streamOf('file', fileId));
  if (!event || (await files.size(fileId)) !== event.data.sizeBytes) return undefined;
  const { organizationId: _o, executionId: _e, purpose: _p, at: _a, ...file } = event.data;
  return file;
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

async function headOf({ files }: Infra, fileId: FileId, sizeBytes: number): Promise<Buffer> {
  if (sizeBytes === 0) return Buffer.alloc(0);
  const range = { start: 0, end: Math.min(sizeBytes, HEAD_BYTES) - 1 };
  const stream = await files.open(fileId, range);
  if (!stream) throw new Error(`${fileId} vanished after it was kept`);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
