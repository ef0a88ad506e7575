/** Anthropic's and Gemini's formats: where they listen, their credential, how they refuse. */
import { type IncomingMessage } from 'node:http';
import { type ApiError } from './api-error.js';
import { parseVectors } from './content-vectors.js';
import { parseContents } from './contents.js';
import { type Gallery } from './images.js';
import { type Parsed } from './job.js';
import { parseMessages } from './messages.js';
import { type Personality } from './personalities.js';

type JsonObject = Readonly<Record<string, unknown>>;

interface TextFormat {
  /** The header that has the credential. */
  readonly credentialHeader: string;
  /** Whether it listens there. */
  listensAt(endpoint: string): boolean;
  /** A header that is missing. */
  missing?(headers: IncomingMessage['headers']): ApiError | undefined;
  parse(endpoint: string, body: JsonObject, personality: Personality, gallery: Gallery): Parsed;
  refusal(refusal: ApiError): JsonObject;
}

export const textFormatOf = ({ speaks }: Personality): TextFormat | undefined =>
  speaks === 'anthropic' || speaks === 'gemini' ? formats[speaks] : undefined;

const anthropicTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

const googleStatuses: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

const CONTENT_PATH = /^\/v1beta\/models\/([^/:]+):(generateContent|batchEmbedContents)$/;

const formats: Readonly<Record<'anthropic' | 'gemini', TextFormat>> = {
  anthropic: {
    credentialHeader: 'x-api-key',
    listensAt: (endpoint) => endpoint === '/v1/messages',
    missing: (headers) =>
      headers['anthropic-version'] === undefined
        ? {
            status: 400,
            message: 'anthropic-version: header is required',
            type: 'invalid_request_error',
            param: null,
            code: null,
          }
        : undefined,
    parse: (_, body, personality) => parseMessages(body, personality),
    refusal: ({ status, message }) => {
      const type = anthropicTypes[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
      return { type: 'error', error: { type, message }, request_id: null };
    },
  },
  gemini: {
    credentialHeader: 'x-goog-api-key',
    listensAt: (endpoint) => CONTENT_PATH.test(endpoint),
    parse(endpoint, body, personality, gallery) {
      const [, model = '', method] = CONTENT_PATH.exec(endpoint) ?? [];
      return method === 'batchEmbedContents'
        ? parseVectors(model, body)
        : parseContents(model, body, personality, gallery);
    },
    refusal: ({ status, message }) => {
      const word = googleStatuses[status] ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
      return { error: { code: status, message, status: word } };
    },
  },
};
