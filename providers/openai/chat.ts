/**
 * OpenAI chat completions, the wire format that most providers of text speak: canonical text in,
 * canonical text out. A whole answer is asked for, and a stream that comes all the same is folded.
 */
import { apiPath } from '../api-path.js';
import { callJson } from '../json-call.js';
import type { ProviderAdapter } from '../port.js';
import { textRequestOf } from '../text/request.js';
import type { Wire } from '../vendor.js';
import { chatResult } from './chat-answer.js';
import { chatBody } from './chat-request.js';
import { foldChat } from './chat-stream.js';
import { openaiDialect } from './failures.js';

const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

export function openaiChat(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const request = textRequestOf(call);
      if ('refusal' in request) return request.refusal;
      const body = await chatBody(call, request);
      if ('refusal' in body) return body.refusal;
      const read = await callJson(wire, call, {
        dialect: openaiDialect,
        method: 'POST',
        path: apiPath(call.provider, '/chat/completions'),
        body: body.body,
        bytesMax: ANSWER_BYTES_MAX,
        fold: foldChat,
      });
      return 'outcome' in read ? read.outcome : chatResult(call, request.format, read.answer);
    },
  };
}
