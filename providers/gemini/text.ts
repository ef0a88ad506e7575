/** Gemini `generateContent` for text: canonical text in, canonical text out. */
import type { ProviderAdapter } from '../port.js';
import { textRequestOf } from '../text/request.js';
import type { Wire } from '../vendor.js';
import { callGemini } from './client.js';
import { generatedText } from './text-answer.js';
import { contentBody } from './text-request.js';
import { foldContent } from './text-stream.js';

const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

export function geminiText(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const request = textRequestOf(call);
      if ('refusal' in request) return request.refusal;
      const body = await contentBody(call, request);
      if ('refusal' in body) return body.refusal;
      const read = await callGemini(wire, call, {
        method: 'generateContent',
        body: body.body,
        bytesMax: ANSWER_BYTES_MAX,
        fold: foldContent,
      });
      return 'outcome' in read ? read.outcome : generatedText(call, request.format, read.answer);
    },
  };
}
