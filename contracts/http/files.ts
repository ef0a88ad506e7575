/** A file as its owner reads it. */
import { answerObject, id, orNull, text, timestamp, type Schema } from './parts.js';

const pixels: Schema = { type: ['integer', 'null'], description: 'Pixels.' };

export const fileSchema: Schema = answerObject('File', {
  file_id: id('file', 'The file.'),
  purpose: { type: 'string', enum: ['OUTPUT'] },
  content_type: { ...text('Told from the bytes.'), examples: ['image/png'] },
  format: { ...text('The short name of the same.'), examples: ['png'] },
  size_bytes: { type: 'integer', minimum: 0 },
  sha256: { ...text('Of the bytes, lower-case hex.'), pattern: '^[0-9a-f]{64}$' },
  width: pixels,
  height: pixels,
  execution_id: id('exec', 'The execution that produced it.'),
  created_at: timestamp('When it was stored.'),
  expires_at: orNull(timestamp('When it is deleted; null: it is kept.')),
});
