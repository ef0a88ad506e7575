/** Canonical outputs by modality: what `/result` carries under `output`, whoever ran the work. */
import type { Modality } from '../events/execution.js';
import { idPattern } from '../ids.js';

type Schema = Readonly<Record<string, unknown>>;

const count: Schema = { type: 'integer', minimum: 0 };
const text: Schema = { type: 'string' };
const fileId: Schema = { type: 'string', pattern: idPattern('file') };

/** A field whose name ends in `?` may be absent. */
const object = (fields: Readonly<Record<string, Schema>>): Schema => {
  const named = Object.entries(fields);
  return {
    type: 'object',
    properties: Object.fromEntries(named.map(([name, part]) => [name.replace('?', ''), part])),
    required: named.flatMap(([name]) => (name.endsWith('?') ? [] : [name])),
    additionalProperties: false,
  };
};

const listOf = (items: Schema): Schema => ({ type: 'array', items });

/** What could not be read of a picture is null. */
const pixels: Schema = { type: ['integer', 'null'], minimum: 0 };
const picture = { file_id: fileId, format: text, width: pixels, height: pixels };
const durationMs: Schema = { type: ['integer', 'null'], minimum: 0 };

const toolCall = object({ id: text, name: text, arguments: { type: ['object', 'string'] } });

const segment = object({ start_ms: count, end_ms: count, text });

export const outputSchemas: Readonly<Record<Modality, Schema>> = {
  text: object({
    text,
    finish_reason: { enum: ['stop', 'length', 'tool_calls', 'content_filter', 'other'] },
    'tool_calls?': listOf(toolCall),
    'json?': {},
    usage: object({
      input_tokens: count,
      'cached_input_tokens?': count,
      output_tokens: count,
      'reasoning_tokens?': count,
    }),
  }),
  image: object({ images: listOf(object(picture)) }),
  audio: object({ audio: object({ file_id: fileId, format: text, duration_ms: durationMs }) }),
  transcription: object({
    text,
    language: { type: ['string', 'null'] },
    duration_ms: durationMs,
    segments: listOf(segment),
  }),
  embedding: object({
    embeddings: {
      anyOf: [
        listOf(listOf({ type: 'number' })),
        object({ file_id: fileId, format: text, shape: listOf(count) }),
      ],
    },
    dimensions: count,
    usage: object({ input_tokens: count }),
  }),
  video: object({ video: object({ ...picture, duration_ms: durationMs }) }),
};
