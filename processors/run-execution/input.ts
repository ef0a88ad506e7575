/** An execution's input as a provider is given it: the caller's words, the defaults, the files. */
import type { Model, Provider } from '../../contracts/catalogue/catalogue.js';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import { isId, type FileId } from '../../contracts/ids.js';
import { withDefaults } from '../../domain/pricing/defaults.js';
import { filesIn } from '../../providers/catalogue/file-fields.js';
import { FileDamaged, FileGone } from '../../infra/files/errors.js';
import { linkToken } from '../../infra/files/links.js';
import { withoutPlace } from '../../infra/files/place/without-place.js';
import { isReachedFrom } from '../../runtime/addresses.js';
import type { Infra } from '../../runtime/infra.js';
import { InputUnavailable, type InputFile, type ProviderCall } from '../../providers/port.js';

export type Input = Required<Pick<ProviderCall, 'input' | 'files'>>;

type Stores = Pick<Infra, 'addresses' | 'files' | 'now' | 'payloads' | 'prices' | 'secrets'>;

/** Files of one input, together, that are sent from memory. */
const FILES_BYTES_MAX = 32 * 1024 * 1024;
/** A link outlives the attempt by this much. */
const LINK_GRACE_MS = 60_000;

interface Wanted {
  readonly model: Model;
  readonly provider: Provider;
  /** As `wordsOf` gave it, where a route was chosen by it. */
  readonly words: Input['input'] | undefined;
}

/** The input, or why this execution can never have one. Throws on an outage. */
export async function inputOf(
  stores: Stores,
  request: ExecutionRequested['data'],
  { model, provider, words }: Wanted,
): Promise<Input | CanonicalCode> {
  const input = words ?? (await wordsOf(stores, model, request));
  if (!input) return 'INTERNAL_ERROR';
  const files = await filesOf(stores, model, provider, input);
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

/** How long the sounds of an input are together, where that is what is read of them. */
export async function heardOf(
  stores: Pick<Stores, 'files'>,
  model: Model,
  input: Input['input'],
): Promise<{ readonly heardMs?: number }> {
  if (model.modality !== 'transcription') return {};
  let heardMs = 0;
  for (const { id } of filesIn(model, input)) {
    if (!isId('file', id)) continue;
    const file = await withoutPlace(stores.files, id as FileId).catch(unlessLost);
    if (file?.durationMs === undefined) return {};
    heardMs += file.durationMs;
  }
  return { heardMs };
}

/**
 * Undefined when they are too large to be sent from memory, where the provider wants them so.
 * Ownership was checked when the execution was accepted; a file that is no longer there is left
 * out, and the adapter says what that means.
 */
async function filesOf(
  stores: Stores,
  model: Model,
  provider: Provider,
  input: Input['input'],
): Promise<Input['files'] | undefined> {
  const found = new Map<string, InputFile>();
  let held = 0;
  for (const { id } of filesIn(model, input)) {
    if (found.has(id) || !isId('file', id)) continue;
    const file = await inputFileOf(stores, provider, id as FileId);
    if (!file) continue;
    found.set(id, file);
    if (isHeld(provider, file)) held += file.sizeBytes;
    if (held > FILES_BYTES_MAX) return undefined;
  }
  return found;
}

const isHeld = ({ fileInput }: Provider, { url }: InputFile): boolean =>
  url === undefined && fileInput !== 'multipart' && fileInput !== 'passthrough';

async function inputFileOf(
  stores: Stores,
  provider: Provider,
  id: FileId,
): Promise<InputFile | undefined> {
  const file = await withoutPlace(stores.files, id).catch(unlessLost);
  if (!file) return undefined;
  const { contentType, durationMs, sizeBytes } = file;
  const url = provider.fileInput === 'url' ? urlFor(stores, provider, id) : undefined;
  return {
    contentType,
    sizeBytes,
    ...(durationMs !== undefined && { durationMs }),
    bytes: () => unlessAway(() => file.bytes()),
    stream: () => unlessAway(() => file.stream()),
    ...(url !== undefined && { url }),
  };
}

/** Nobody can have a damaged file, so it is none. */
function unlessLost(error: unknown): undefined {
  if (!(error instanceof FileDamaged || error instanceof FileGone)) throw error;
}

/** Undefined where the provider could not reach it. */
function urlFor(
  { addresses, now, secrets }: Stores,
  { baseUrl, timeoutMs }: Provider,
  fileId: FileId,
): string | undefined {
  if (!isReachedFrom(addresses, baseUrl)) return undefined;
  const expiresAtMs = now() + timeoutMs + LINK_GRACE_MS;
  const token = linkToken(secrets.fileLinkKey, { use: 'input', fileId, expiresAtMs });
  return `${addresses.publicUrl}/v1/files/content/${token}`;
}

async function unlessAway<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new InputUnavailable(error);
  }
}
