/**
 * A provider's output as it is stored until its files are re-hosted, and what becomes of it: the
 * canonical output, and what the files say of its use.
 */
import type { OutputFile, Usage } from '../../contracts/events/execution.js';
import type { ProducedFile, ProviderOutput } from '../../providers/port.js';

type ImageOutput = Extract<ProviderOutput, { modality: 'image' }>;
type AudioOutput = Extract<ProviderOutput, { modality: 'audio' }>;
type VideoOutput = Extract<ProviderOutput, { modality: 'video' }>;

/** Vectors that are too many for an answer: `float32`, little endian, row by row. */
interface VectorFile {
  readonly modality: 'embedding';
  readonly vectors: { readonly base64: string };
  readonly shape: readonly [rows: number, dimensions: number];
}

export type DeliveredOutput = ImageOutput | AudioOutput | VideoOutput | VectorFile;

/** In the order of their file ids. */
export function producedIn(output: DeliveredOutput): readonly ProducedFile[] {
  switch (output.modality) {
    case 'image':
      return output.images;
    case 'audio':
      return [output.audio];
    case 'video':
      return [output.video];
    case 'embedding':
      return [output.vectors];
  }
}

/** The canonical output; `files` are those that were kept, at least one. */
export function canonicalOutput(
  delivered: DeliveredOutput,
  files: readonly OutputFile[],
  usage: Usage,
): Readonly<Record<string, unknown>> {
  const [first] = files;
  if (!first) throw new Error('an output without a file');
  switch (delivered.modality) {
    case 'image':
      return { images: files.map(picture) };
    case 'audio':
      return { audio: { file_id: first.fileId, format: first.format, ...length(first) } };
    case 'video':
      return { video: { ...picture(first), ...length(first) } };
    case 'embedding': {
      const { fileId, format, shape } = first;
      return {
        embeddings: { file_id: fileId, format, shape },
        dimensions: delivered.shape[1],
        usage: { input_tokens: usage.inputTokens ?? 0 },
      };
    }
  }
}

const picture = ({ fileId, format, width, height }: OutputFile) => ({
  file_id: fileId,
  format,
  width: width ?? null,
  height: height ?? null,
});

const length = ({ durationMs }: OutputFile) => ({ duration_ms: durationMs ?? null });

/** What is charged is what is kept; what no file says stays as the provider told it. */
export function measuredUsage(
  { modality }: DeliveredOutput,
  told: Usage,
  files: readonly OutputFile[],
): Usage {
  if (modality === 'embedding') return told;
  if (modality === 'image') {
    const isSized = files.every(({ width, height }) => width && height);
    const pixels = files.reduce((sum, { width = 0, height = 0 }) => sum + width * height, 0);
    return { ...told, images: files.length, ...(isSized && { pixels }) };
  }
  const isTimed = files.every(({ durationMs }) => durationMs !== undefined);
  const durationMs = files.reduce((sum, file) => sum + (file.durationMs ?? 0), 0);
  return { ...told, ...(isTimed && { seconds: durationMs / 1_000 }) };
}
