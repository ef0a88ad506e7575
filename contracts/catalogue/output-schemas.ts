/** Canonical outputs by modality: what `/result` carries under `output`, whoever ran the work. */
import type { Modality } from '../events/execution.js';
import { idPattern } from '../ids.js';

type Schema = Readonly<Record<string, unknown>>;

const count: Schema = { type: 'integer', minimum: 0 };
const text: Schema = { type: 'string' };
const fileId: Schema = { type: 'string', pattern: idPattern('file') };

const all = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

const picture = { file_id: fileId, format: text, width: count, height: count };

export const outputSchemas: Readonly<Record<Modality, Schema>> = {
  text: all({
    text,
    finish_reason: text,
    usage: all({ input_tokens: count, output_tokens: count }),
  }),
  image: all({ images: { type: 'array', items: all(picture) } }),
  audio: all({ audio: all({ file_id: fileId, format: text, duration_ms: count }) }),
  video: all({ video: all({ ...picture, duration_ms: count }) }),
};
