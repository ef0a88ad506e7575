/** An execution's input as a provider is given it: the caller's words, the defaults, the files. */
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import { isId, type FileId } from '../../contracts/ids.js';
import { withDefaults } from '../../domain/pricing/defaults.js';
import { filesIn } from '../../providers/catalogue/input-validators.js';
import { bytesInStore } from '../../infra/files/byte-source.js';
import { inspectFile } from '../../infra/files/inspect-file.js';
import type { Infra } from '../../runtime/infra.js';
import { InputUnavailable, type InputFile, type ProviderCall } from '../../providers/port.js';

export type Input = Required<Pick<ProviderCall, 'input' | 'files'>>;

type Stores = Pick<Infra, 'payloads' | 'files' | 'prices'>;

/** Files of one input, together: they are sent from memory. */
const FILES_BYTES_MAX = 32 * 1024 * 1024;

/** The input, or why this execution can never have one. Throws on an outage. */
export async function inputOf(
  stores: Stores,
  model: Model,
  request: ExecutionRequested['data'],
): Promise<Input | CanonicalCode> {
  const input = await wordsOf(stores, model, request);
  if (!input) return 'INTERNAL_ERROR';
  const files = await filesOf(stores, model, input);
  return files ? { input, files } : 'FILE_FORMAT_UNSUPPORTED';
}

/** The input without its files; undefined where its payload is gone. Throws on an outage. */
export async function wordsOf(
  stores: Pick<Stores, 'payloads' | 'prices'>,
  model: Model,
  request: ExecutionRequested['data'],
): Promise<Input['input'] | undefined> {
  const payload = await stores.payloads.get(request.input);
  if (!payload) return undefined;
  const given = JSON.parse(payload.toString('utf8')) as Input['input'];
  const accepted = await stores.prices.promised(request.catalogueVersion, model.slug);
  return withDefaults(model, given, accepted);
}

/**
 * Undefined when they are too large. Ownership was checked when the execution was accepted; a file
 * that was deleted since is left out, and the adapter says what that means.
 */
async function filesOf(
  { files }: Stores,
  model: Model,
  input: Input['input'],
): Promise<Input['files'] | undefined> {
  const found = new Map<string, InputFile>();
  let left = FILES_BYTES_MAX;
  for (const { id } of filesIn(model, input)) {
    const fileId = isId('file', id) ? (id as FileId) : undefined;
    const sizeBytes = fileId && (await files.size(fileId));
    if (!fileId || sizeBytes === undefined) continue;
    left -= sizeBytes;
    if (left < 0) return undefined;
    found.set(id, await inputFileOf(files, fileId, sizeBytes));
  }
  return found;
}

async function inputFileOf(
  files: Infra['files'],
  id: FileId,
  sizeBytes: number,
): Promise<InputFile> {
  const open = async (): Promise<Readable> => {
    const stream = await files.open(id);
    if (!stream) throw new Error(`${id} was removed while it was used`);
    return stream;
  };
  const info = await inspectFile(bytesInStore(files, id, sizeBytes));
  const unlessAway = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      throw new InputUnavailable(error);
    }
  };
  return {
    contentType: info?.contentType ?? 'application/octet-stream',
    sizeBytes,
    ...(info?.durationMs !== undefined && { durationMs: info.durationMs }),
    bytes: () => unlessAway(async () => buffer(await open())),
    stream: () => unlessAway(open),
  };
}
