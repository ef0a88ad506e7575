/** An execution's input as a provider is given it: the caller's words, the defaults, the files. */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import { isId, type FileId } from '../../contracts/ids.js';
import { withDefaults } from '../../domain/pricing/defaults.js';
import { filesIn } from '../../providers/catalogue/input-validators.js';
import { inspectFile } from '../../infra/files/image-info.js';
import type { Infra } from '../../runtime/infra.js';
import type { ProviderCall } from '../../providers/port.js';

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
  const payload = await stores.payloads.get(request.input);
  if (!payload) return 'INTERNAL_ERROR';
  const given = JSON.parse(payload.toString('utf8')) as Input['input'];
  const accepted = await stores.prices.promised(request.catalogueVersion, request.model);
  const input = withDefaults(model, given, accepted);
  const files = await filesOf(stores, model, input);
  return files ? { input, files } : 'FILE_FORMAT_UNSUPPORTED';
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
  const found = new Map<string, { contentType: string; bytes: Buffer }>();
  let left = FILES_BYTES_MAX;
  for (const { id } of filesIn(model, input)) {
    const fileId = isId('file', id) ? (id as FileId) : undefined;
    const sizeBytes = fileId && (await files.size(fileId));
    if (!fileId || sizeBytes === undefined) continue;
    left -= sizeBytes;
    if (left < 0) return undefined;
    const stream = await files.open(fileId);
    if (!stream) continue;
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const contentType = inspectFile(bytes)?.contentType ?? 'application/octet-stream';
    found.set(id, { contentType, bytes });
  }
  return found;
}
