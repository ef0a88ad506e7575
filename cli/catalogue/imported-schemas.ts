/** Input schemas of imported models, in the words that all models of a modality share. */
import type { Modality } from '../../contracts/events/execution.js';

type Schema = Readonly<Record<string, unknown>>;

const text = (maxLength: number): Schema => ({ type: 'string', minLength: 1, maxLength });
const flow = (type: string, minimum: number, maximum: number): Schema => ({
  type,
  minimum,
  maximum,
});

const part: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  properties: {
    type: { enum: ['text', 'image'] },
    text: text(200_000),
    file_id: { type: 'string', format: 'file-id' },
  },
};

const message: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['role'],
  properties: {
    role: { enum: ['system', 'user', 'assistant', 'tool'] },
    content: {
      anyOf: [text(200_000), { type: 'array', minItems: 1, maxItems: 64, items: part }],
    },
    tool_calls: { type: 'array', maxItems: 128, items: { type: 'object' } },
    tool_call_id: text(128),
  },
};

const tool: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: text(64),
    description: text(4_000),
    parameters: { type: 'object' },
  },
};

export const importedSchemas: Readonly<Partial<Record<Modality, Schema>>> = {
  text: {
    type: 'object',
    additionalProperties: false,
    oneOf: [{ required: ['prompt'] }, { required: ['messages'] }],
    properties: {
      prompt: text(200_000),
      messages: { type: 'array', minItems: 1, maxItems: 512, items: message },
      system: text(100_000),
      max_tokens: flow('integer', 1, 1_000_000),
      temperature: flow('number', 0, 2),
      top_p: flow('number', 0, 1),
      stop: { type: 'array', maxItems: 4, items: text(100) },
      seed: flow('integer', 0, 4_294_967_295),
      tools: { type: 'array', maxItems: 128, items: tool },
      tool_choice: { anyOf: [text(64), { type: 'object' }] },
      response_format: { type: 'object' },
    },
  },
  image: {
    type: 'object',
    additionalProperties: false,
    required: ['prompt'],
    properties: {
      prompt: text(4_000),
      width: flow('integer', 256, 4_096),
      height: flow('integer', 256, 4_096),
      num_images: { ...flow('integer', 1, 4), default: 1 },
    },
  },
  audio: {
    type: 'object',
    additionalProperties: false,
    required: ['text'],
    properties: {
      text: text(4_096),
      voice: { ...text(64), default: 'alloy' },
      format: { enum: ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'], default: 'mp3' },
      speed: flow('number', 0.25, 4),
    },
  },
  transcription: {
    type: 'object',
    additionalProperties: false,
    required: ['audio'],
    properties: {
      audio: { type: 'string', format: 'file-id' },
      language: text(16),
      timestamps: { type: 'boolean' },
    },
  },
  embedding: {
    type: 'object',
    additionalProperties: false,
    required: ['texts'],
    properties: {
      texts: { type: 'array', minItems: 1, maxItems: 2_048, items: text(100_000) },
      dimensions: flow('integer', 1, 16_384),
    },
  },
};
