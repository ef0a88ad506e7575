/** Files as their owner uploads and reads them. */
import { TTL_DAYS_MAX, type UploadPurpose } from '../events/file.js';
import {
  answerObject,
  id,
  orNull,
  queryObject,
  requestObject,
  text,
  timestamp,
  type Schema,
} from './parts.js';

export interface UploadFileBody {
  readonly purpose: UploadPurpose;
  readonly ttl_days?: number;
}

export const uploadFileSchema: Schema = {
  ...requestObject('UploadFile', {
    purpose: {
      type: 'string',
      enum: ['INPUT', 'UPLOAD'],
      description: 'What it is for; either may be an input of executions.',
    },
    'ttl_days?': {
      type: 'integer',
      minimum: 1,
      maximum: TTL_DAYS_MAX,
      description: 'Days until it is deleted; those of your organization unless given.',
    },
  }),
  examples: [{ purpose: 'INPUT', ttl_days: 7 }],
};

export interface ConfirmFileBody {
  readonly file_id: string;
}

export const confirmFileSchema: Schema = {
  ...requestObject('ConfirmFile', { file_id: id('file', 'The file whose bytes were sent.') }),
  examples: [{ file_id: 'file_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44' }],
};

export const uploadLeaveSchema: Schema = answerObject('UploadLeave', {
  file_id: id('file', 'The file to be.'),
  upload_url: {
    ...text('`PUT` the bytes there, once and without a key.'),
    format: 'uri',
    examples: ['https://api.example.com/v1/files/upload/q0ZxKk1vQe2mJp5uYc8d'],
  },
  'upload_form?': {
    ...answerObject('UploadForm', {
      method: { type: 'string', enum: ['POST'] },
      url: {
        ...text('Of the store; it needs no key.'),
        format: 'uri',
        examples: ['https://s3.example.com/modelroute'],
      },
      fields: {
        type: 'object',
        additionalProperties: { type: 'string' },
        description: 'Send them all, unchanged, before `file`.',
        examples: [
          {
            'Content-Type': 'application/octet-stream',
            key: 'uploads/posted/file_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44/q0ZxKk1vQe2m',
            Policy: 'eyJleHBpcmF0aW9uIjoi',
            'X-Amz-Signature': '5d41402abc4b2a76b9719d911017c592',
          },
        ],
      },
      size_bytes_max: {
        type: 'integer',
        description: 'The store refuses more with `400 EntityTooLarge`.',
        examples: [157_286_400],
      },
    }),
    description:
      'Another way to send the bytes, where the operator lets you reach the store: post them ' +
      'there as `multipart/form-data`, with the fields and then the bytes as `file`.',
  },
  expires_at: timestamp('When URL and form end; the file must be confirmed by then.'),
});

const sizeBytes: Schema = { type: 'integer', minimum: 0, examples: [48_213] };
const sha256: Schema = {
  ...text('Of the bytes, lower-case hex.'),
  pattern: '^[0-9a-f]{64}$',
  examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
};
const contentType: Schema = { ...text('Told from the bytes.'), examples: ['image/png'] };
const pixels: Schema = { type: ['integer', 'null'], description: 'Pixels.', examples: [1024] };

export const uploadedSchema: Schema = answerObject('UploadedFile', {
  file_id: id('file', 'The file.'),
  size_bytes: sizeBytes,
  sha256,
});

export const confirmedFileSchema: Schema = answerObject('ConfirmedFile', {
  file_id: id('file', 'The file.'),
  content_type: contentType,
  size_bytes: sizeBytes,
  sha256,
  expires_at: orNull(timestamp('When it is deleted.')),
});

export const fileSchema: Schema = answerObject('File', {
  file_id: id('file', 'The file.'),
  purpose: { type: 'string', enum: ['OUTPUT', 'INPUT', 'UPLOAD'] },
  content_type: contentType,
  format: { ...text('The short name of the same.'), examples: ['png'] },
  size_bytes: sizeBytes,
  sha256,
  width: pixels,
  height: pixels,
  duration_ms: {
    type: ['integer', 'null'],
    description: 'Milliseconds, of audio and video.',
    examples: [null],
  },
  'shape?': {
    type: 'array',
    items: { type: 'integer' },
    description: 'Of numbers (`float32`, little endian): rows, and numbers in each.',
  },
  execution_id: orNull(id('exec', 'The execution that produced it; null for an uploaded one.')),
  created_at: timestamp('When it was stored.'),
  expires_at: orNull(timestamp('When it is deleted; null: it is kept.')),
});

/** Seven days. */
const LINK_SECONDS_MAX = 604_800;

export const fileUrlQuery: Schema = queryObject({
  'expires_in?': {
    type: 'integer',
    minimum: 1,
    maximum: LINK_SECONDS_MAX,
    default: 3_600,
    description: 'Seconds that the link lives; never longer than the file.',
  },
});

export const fileUrlSchema: Schema = answerObject('FileUrl', {
  file_id: id('file', 'The file.'),
  url: {
    ...text('Needs no key.'),
    format: 'uri',
    examples: ['https://api.example.com/v1/files/content/q0ZxKk1vQe2mJp5uYc8d'],
  },
  expires_at: timestamp('When the link ends.'),
});
