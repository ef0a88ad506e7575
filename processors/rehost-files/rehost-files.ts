/**
 * What a provider delivered is fetched, looked at and kept as our own files; then the execution is
 * complete. The provider's address of it is never seen by a caller.
 */
import { Readable } from 'node:stream';
import type { FileStored } from '../../contracts/events/file.js';
import type { OutputFile } from '../../contracts/events/execution.js';
import { outputFileIdOf, type ExecutionId, type FileId } from '../../contracts/ids.js';
import { idOf, streamOf } from '../../contracts/streams.js';
import * as Execution from '../../domain/execution/execution.js';
import { appendOf, decideOnce, load, transact, type Cause } from '../../infra/deciding/transact.js';
import type { Group, Wake } from '../../infra/event-bus/port.js';
import { NO_STREAM } from '../../infra/event-store/port.js';
import { FileTooLarge } from '../../infra/files/errors.js';
import { inspectFile } from '../../infra/files/image-info.js';
import type { Infra } from '../../infra/infra.js';
import { DownloadCut } from '../../infra/outbound/receive.js';
import type { ProducedFile, ProviderOutput } from '../../infra/providers/port.js';
import { causeOf } from '../cause.js';
import { keep } from '../keep.js';

const ATTEMPTS_MAX = 6;
const DOWNLOAD_TIMEOUT_MS = 60_000;
const FILE_BYTES_MAX = 150 * 1024 * 1024;
/** Magic bytes and dimensions lie within these first bytes of every format that we take. */
const HEAD_BYTES = 64 * 1024;

export const rehostFiles = (infra: Infra): Group => ({
  name: 'rehost-files',
  categories: ['execution'],
  wakesOn: ['ProviderSucceeded'],
  concurrencyMax: 32,
  attemptsMax: ATTEMPTS_MAX,
  handle: (wake, signal) => rehost(infra, wake, signal),
});

type Delivered = Extract<Execution.State, { status: 'delivered' }>;

async function rehost(infra: Infra, wake: Wake, signal: AbortSignal): Promise<string> {
  const executionId = idOf(wake.stream) as ExecutionId;
  const cause = causeOf('rehost-files', executionId, wake);
  const loaded = await load(infra.store, Execution, executionId);
  const { state } = loaded;
  if (state.status !== 'delivered') return `already_${state.status}`;
  const produced = await producedBy(infra, state);
  const files = await fetchAll(infra, produced, state, cause, signal);
  if (files === 'unusable') return fail(infra, executionId, cause);
  if (files === 'unreachable') {
    if (wake.attempt < ATTEMPTS_MAX) throw new Error('an output could not be fetched yet');
    return fail(infra, executionId, cause);
  }
  const { organizationId } = state.request;
  const output = { images: files.map(shown) };
  const kept = await keep(
    infra,
    `${executionId}/output/${state.current.attempt}`,
    organizationId,
    output,
  );
  const at = new Date(infra.now()).toISOString();
  const completion = { output: kept.ref, files, summary: output };
  const { attempt } = state.current;
  const command: Execution.Command = { type: 'Complete', attempt, completion, at };
  const result = await decideOnce<
    Execution.State,
    Execution.Command,
    Execution.Event,
    Execution.Rejection
  >(infra.store, Execution, executionId, loaded, command, cause, kept.payload);
  // Cancelled or failed meanwhile: read again and see.
  if (result.outcome === 'conflict') return rehost(infra, wake, signal);
  return result.outcome === 'accepted' ? 'rehosted' : result.outcome;
}

const shown = ({ fileId, format, width, height }: OutputFile) => ({
  file_id: fileId,
  format,
  width: width ?? null,
  height: height ?? null,
});

async function producedBy(infra: Infra, { success }: Delivered): Promise<readonly ProducedFile[]> {
  const bytes = await infra.payloads.get(success.output);
  if (!bytes) throw new Error(`the payload ${success.output.ref} is gone`);
  const output = JSON.parse(bytes.toString('utf8')) as ProviderOutput;
  return output.modality === 'image' ? output.images : [];
}

async function fail({ store, now }: Infra, executionId: ExecutionId, cause: Cause) {
  const at = new Date(now()).toISOString();
  const command: Execution.Command = { type: 'Fail', code: 'GENERATION_FAILED', at };
  await transact(store, Execution, executionId, command, cause);
  return 'failed';
}

type Trouble = 'unusable' | 'unreachable';

async function fetchAll(
  infra: Infra,
  produced: readonly ProducedFile[],
  state: Delivered,
  cause: Cause,
  signal: AbortSignal,
): Promise<readonly OutputFile[] | Trouble> {
  if (produced.length === 0) return 'unusable';
  const files: OutputFile[] = [];
  for (const [index, source] of produced.entries()) {
    const fileId = outputFileIdOf(state.request.executionId, index);
    const stored = await store(infra, fileId, source, signal);
    if (stored === 'unusable' || stored === 'unreachable') return stored;
    await recordFile(infra, stored, state, cause);
    files.push(stored);
  }
  return files;
}

async function store(
  infra: Infra,
  fileId: FileId,
  source: ProducedFile,
  signal: AbortSignal,
): Promise<OutputFile | Trouble> {
  const bytes = await bytesOf(infra, source, signal);
  if (bytes === 'unusable' || bytes === 'unreachable') return bytes;
  let kept;
  try {
    kept = await infra.files.put(fileId, bytes, FILE_BYTES_MAX);
  } catch (error) {
    if (error instanceof FileTooLarge) return 'unusable';
    if (error instanceof DownloadCut) return 'unreachable';
    throw error;
  }
  const info = inspectFile(await headOf(infra, fileId, kept.sizeBytes));
  if (!info) {
    await infra.files.remove(fileId);
    return 'unusable';
  }
  return { fileId, ...info, ...kept };
}

async function bytesOf(
  infra: Infra,
  source: ProducedFile,
  signal: AbortSignal,
): Promise<Readable | Trouble> {
  if ('base64' in source) return Readable.from([Buffer.from(source.base64, 'base64')]);
  const result = await infra.downloads.download({
    url: source.url,
    timeoutMs: DOWNLOAD_TIMEOUT_MS,
    bytesMax: FILE_BYTES_MAX,
    signal,
  });
  if (result.kind === 'refused') return 'unusable';
  if (result.kind === 'failed') return 'unreachable';
  if (result.status === 200) return result.body;
  result.body.destroy();
  return result.status >= 500 || result.status === 429 ? 'unreachable' : 'unusable';
}

async function headOf(infra: Infra, fileId: FileId, sizeBytes: number): Promise<Buffer> {
  if (sizeBytes === 0) return Buffer.alloc(0);
  const range = { start: 0, end: Math.min(sizeBytes, HEAD_BYTES) - 1 };
  const stream = await infra.files.open(fileId, range);
  if (!stream) throw new Error(`${fileId} vanished after it was kept`);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A repeat finds the stream and adds nothing: the file's id and bytes are the same. */
async function recordFile(
  infra: Infra,
  { fileId, ...file }: OutputFile,
  { request }: Delivered,
  cause: Cause,
): Promise<void> {
  const event: FileStored = {
    type: 'FileStored',
    data: {
      fileId,
      organizationId: request.organizationId,
      executionId: request.executionId,
      purpose: 'OUTPUT',
      ...file,
      at: new Date(infra.now()).toISOString(),
    },
  };
  await infra.store.append({
    appends: [appendOf(streamOf('file', fileId), NO_STREAM, [event], cause)],
  });
}
