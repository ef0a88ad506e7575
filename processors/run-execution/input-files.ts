/** The files that an input names, read for a provider that takes their bytes. */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import { isId, type FileId } from '../../contracts/ids.js';
import { filesIn } from '../../infra/catalogue/input-validators.js';
import { inspectFile } from '../../infra/files/image-info.js';
import type { Infra } from '../../infra/infra.js';
import type { InputFile } from '../../infra/providers/port.js';

export type Input = Readonly<Record<string, unknown>>;

/** Ownership was checked when the execution was accepted; a file deleted since is left out. */
export async function inputFiles(
  { files }: Infra,
  model: Model,
  input: Input,
): Promise<ReadonlyMap<string, InputFile>> {
  const found = new Map<string, InputFile>();
  for (const { id } of filesIn(model, input)) {
    const stream = isId('file', id) ? await files.open(id as FileId) : undefined;
    if (!stream) continue;
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const contentType = inspectFile(bytes)?.contentType ?? 'application/octet-stream';
    found.set(id, { contentType, bytes });
  }
  return found;
}
