/** `POST …/v1/chat/completions`: an OpenAI chat request in, a job that writes its answer out. */
import { hash } from 'node:crypto';
import { type ApiError, contentPolicyViolation, invalidRequest } from './api-error.js';
import { type Job, type Parsed } from './job.js';
import { type Personality } from './personalities.js';
import { cutTo, proseAbout } from './prose.js';
import { seedOf } from './random.js';

/** Documented rule of the sandbox: a token is four characters, the last one may be shorter. */
const charsPerToken = 4;
const completionTokensDefault = 512;
const completionTokensMax = 16_384;
const messagesMax = 2_048;

interface Message {
  readonly role: string;
  readonly text: string;
}

interface ChatRequest {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly tokensMax: number;
  readonly stops: readonly string[];
  readonly seed: number;
}

export function parseChat(body: Record<string, unknown>, personality: Personality): Parsed {
  const request = requestOf(body);
  if ('status' in request) return { refusal: request };
  if (request.messages.some(({ text }) => text.includes('[[moderation]]'))) {
    return { refusal: contentPolicyViolation };
  }
  return { model: request.model, job: chatJob(request, personality) };
}

function chatJob(request: ChatRequest, personality: Personality): Job {
  return {
    status: 200,
    isPaid: true,
    work: null,
    answer({ digest, createdSeconds }) {
      const { text, finishReason } = completionOf(request, personality);
      const promptTokens = tokensOf(request.messages.reduce((sum, m) => sum + m.text.length, 0));
      const completionTokens = tokensOf(text.length);
      const usage = {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        total_tokens: promptTokens + completionTokens,
      };
      return {
        usage,
        body: {
          id: `chatcmpl-${digest.slice(0, 29)}`,
          object: 'chat.completion',
          created: createdSeconds,
          model: request.model,
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: text, refusal: null },
              logprobs: null,
              finish_reason: finishReason,
            },
          ],
          usage,
          system_fingerprint: `fp_${personality.name}`,
        },
      };
    },
  };
}

function completionOf({ model, messages, tokensMax, stops, seed }: ChatRequest, by: Personality) {
  const conversation = messages.map(({ role, text }) => `${role}\n${text}`).join('\n');
  const key = hash('sha256', `${by.name}\n${model}\n${seed}\n${conversation}`, 'hex');
  const prompt = messages.findLast(({ role }) => role === 'user')?.text ?? conversation;
  let text = proseAbout(prompt, by.voice, seedOf(key));
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0) text = text.slice(0, at);
  }
  const charsMax = tokensMax * charsPerToken;
  if (text.length <= charsMax) return { text, finishReason: 'stop' };
  return { text: cutTo(text, charsMax), finishReason: 'length' };
}

function tokensOf(chars: number): number {
  return Math.ceil(chars / charsPerToken);
}

function requestOf(body: Record<string, unknown>): ChatRequest | ApiError {
  const { model } = body;
  if (typeof model !== 'string' || model.length < 1 || model.length > 256) {
    return invalidRequest('You must provide a model parameter.', 'model');
  }
  const messages = messagesOf(body['messages']);
  if ('status' in messages) return messages;
  const tokensMax = tokensMaxOf(body);
  if (typeof tokensMax !== 'number') return tokensMax;
  if ((body['n'] ?? 1) !== 1) return invalidRequest('Only n = 1 is supported.', 'n');
  if (body['stream'] === true) {
    return invalidRequest('Streaming is not supported here.', 'stream', 'unsupported_parameter');
  }
  const temperature = body['temperature'] ?? 1;
  if (typeof temperature !== 'number' || temperature < 0 || temperature > 2) {
    return invalidRequest('temperature must be a number from 0 to 2.', 'temperature');
  }
  const stops = [body['stop'] ?? []].flat();
  if (stops.length > 4 || !stops.every((stop) => typeof stop === 'string' && stop !== '')) {
    return invalidRequest('stop must be a string or a list of up to 4 strings.', 'stop');
  }
  const seed = body['seed'] ?? 0;
  if (!Number.isSafeInteger(seed)) return invalidRequest('seed must be an integer.', 'seed');
  return { model, messages, tokensMax, stops: stops as string[], seed: Number(seed) };
}

function tokensMaxOf(body: Record<string, unknown>): number | ApiError {
  const newer = body['max_completion_tokens'] ?? null;
  const param = newer === null ? 'max_tokens' : 'max_completion_tokens';
  const given = newer ?? body['max_tokens'] ?? completionTokensDefault;
  if (Number.isInteger(given) && Number(given) >= 1 && Number(given) <= completionTokensMax) {
    return Number(given);
  }
  const range = `a whole number from 1 to ${completionTokensMax}`;
  return invalidRequest(`Invalid '${param}': must be ${range}.`, param);
}

function messagesOf(given: unknown): Message[] | ApiError {
  if (!Array.isArray(given) || given.length === 0 || given.length > messagesMax) {
    return invalidRequest("'messages' must be a list of 1 to 2048 messages.", 'messages');
  }
  const messages: Message[] = [];
  for (const [index, message] of (given as unknown[]).entries()) {
    const param = `messages.[${index}]`;
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown };
    if (typeof role !== 'string' || !roles.has(role)) {
      return invalidRequest(`Invalid role; expected one of ${[...roles].join(', ')}.`, param);
    }
    const text = textOf(content);
    if (text === null) {
      return invalidRequest('The content must be a string or a list of parts.', `${param}.content`);
    }
    messages.push({ role, text });
  }
  return messages;
}

const roles = new Set(['system', 'developer', 'user', 'assistant', 'tool']);

/** Content is a text or a list of parts; parts that are no text add nothing to read. */
function textOf(content: unknown): string | null {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return null;
  let text = '';
  for (const part of content as unknown[]) {
    const { type, text: piece } = (part ?? {}) as { type?: unknown; text?: unknown };
    if (typeof type !== 'string') return null;
    if (type !== 'text') continue;
    if (typeof piece !== 'string') return null;
    text += text === '' ? piece : `\n${piece}`;
  }
  return text;
}
