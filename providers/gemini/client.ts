/**
 * One call of Google's Gemini API: `POST …/v1beta/models/<model>:<method>`, the key in
 * `x-goog-api-key`. A base URL that names a version keeps it, so that a Vertex address ending in
 * `…/publishers/google` works with a bearer from the catalogue's `auth`.
 */
import { apiPath } from '../api-path.js';
import { callJson, type Dialect, type ProviderRequest } from '../json-call.js';
import type { ProviderCall } from '../port.js';
import type { Wire } from '../vendor.js';
import { readGeminiFailure } from './failures.js';

type Method = 'generateContent' | 'embedContent' | 'batchEmbedContents' | 'predict';

type GeminiRequest = Pick<ProviderRequest, 'bytesMax' | 'fold'> & {
  readonly method: Method;
  readonly body: Readonly<Record<string, unknown>>;
};

export function callGemini(wire: Wire, call: ProviderCall, request: GeminiRequest) {
  const { method, ...rest } = request;
  const path = `/${modelPath(call.providerModel)}:${method}`;
  return callJson(wire, call, {
    ...rest,
    dialect: geminiDialect,
    method: 'POST',
    path: apiPath(call.provider, path, '/v1beta'),
  });
}

const geminiDialect: Dialect = {
  auth: { header: 'x-goog-api-key' },
  readFailure: readGeminiFailure,
};

/** `gemini-3-flash`, `models/gemini-3-flash` and `tunedModels/mine` are all names of models. */
const modelPath = (providerModel: string): string =>
  (providerModel.includes('/') ? providerModel : `models/${providerModel}`)
    .split('/')
    .map(encodeURIComponent)
    .join('/');
