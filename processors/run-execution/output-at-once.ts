/**
 * A provider's output as it is recorded: canonical and complete at once, or as delivered where it
 * has files, which are re-hosted first.
 */
import type { Usage } from '../../contracts/events/execution.js';
import type { EmbeddingOutput, ProviderOutput, TranscriptionOutput } from '../../providers/port.js';
import type { DeliveredOutput } from '../rehost-files/delivered.js';
import { textOutputOf } from './text-output.js';

type Fields = Readonly<Record<string, unknown>>;

/** `summary` is what `GET /v1/executions/{id}` shows of it. */
interface AtOnce {
  readonly body: Fields;
  readonly summary: Fields;
}

export function outputAtOnce(
  output: ProviderOutput,
  usage: Usage,
): AtOnce | { readonly delivered: DeliveredOutput } {
  switch (output.modality) {
    case 'text':
      return textOutputOf(output, usage);
    case 'transcription':
      return transcriptionOf(output);
    case 'embedding':
      return embeddingOf(output, usage);
    case 'image':
    case 'audio':
    case 'video':
      return { delivered: output };
  }
}

function transcriptionOf(output: TranscriptionOutput): AtOnce {
  const { text, language = null, durationMs = null, segments } = output;
  const about = { language, duration_ms: durationMs };
  const timed = segments.map((segment) => ({
    start_ms: segment.startMs,
    end_ms: segment.endMs,
    text: segment.text,
  }));
  return { body: { text, ...about, segments: timed }, summary: about };
}

/** As `float32`; more of them are a file. */
const INLINE_BYTES_MAX = 64 * 1024;
const BYTES_PER_NUMBER = 4;

function embeddingOf(
  { embeddings }: EmbeddingOutput,
  usage: Usage,
): AtOnce | { readonly delivered: DeliveredOutput } {
  const dimensions = embeddings[0]?.length ?? 0;
  const bytes = embeddings.length * dimensions * BYTES_PER_NUMBER;
  if (bytes > INLINE_BYTES_MAX) {
    const vectors = { base64: float32(embeddings, dimensions).toString('base64') };
    const shape = [embeddings.length, dimensions] as const;
    return { delivered: { modality: 'embedding', vectors, shape } };
  }
  const about = { dimensions, usage: { input_tokens: usage.inputTokens ?? 0 } };
  return { body: { embeddings, ...about }, summary: about };
}

/** Little endian, row by row. */
function float32(rows: EmbeddingOutput['embeddings'], dimensions: number): Buffer {
  const bytes = Buffer.allocUnsafe(rows.length * dimensions * BYTES_PER_NUMBER);
  let at = 0;
  for (const row of rows) for (const value of row) at = bytes.writeFloatLE(value, at);
  return bytes;
}
