/** `POST …/v1/chat/completions`: an OpenAI chat request in, a job that writes its answer out. */
import { type ApiError, contentPolicyViolation, invalidRequest } from './api-error.js';
import {
  generate,
  reasoningTokensOf,
  type GenerationRequest,
  type SandboxTool,
} from './generation.js';
import { type Job, type Parsed } from './job.js';
import { type Personality } from './personalities.js';

const completionTokensDefault = 512;
const completionTokensMax = 16_384;
const messagesMax = 2_048;

type JsonObject = Readonly<Record<string, unknown>>;

interface Message {
  readonly role: string;
  readonly text: string;
}

export function parseChat(body: Record<string, unknown>, personality: Personality): Parsed {
  const request = requestOf(body);
  if ('status' in request) return { refusal: request };
  if (request.conversation.includes('[[moderation]]')) return { refusal: contentPolicyViolation };
  return { model: request.model, job: chatJob(request, personality) };
}

function chatJob(request: GenerationRequest, personality: Personality): Job {
  return {
    status: 200,
    isPaid: true,
    work: null,
    answer({ digest, createdSeconds }) {
      const generated = generate(request, personality);
      const { text, ending, call, promptTokens, outputTokens, reasoningTokens } = generated;
      const usage = {
        prompt_tokens: promptTokens,
        completion_tokens: outputTokens,
        total_tokens: promptTokens + outputTokens,
        ...(reasoningTokens > 0 && {
          completion_tokens_details: { reasoning_tokens: reasoningTokens },
        }),
      };
      const called = call && {
        id: `call_${digest.slice(0, 24)}`,
        type: 'function',
        function: { name: call.name, arguments: JSON.stringify(call.arguments) },
      };
      const message = called
        ? { role: 'assistant', content: null, tool_calls: [called], refusal: null }
        : { role: 'assistant', content: text, refusal: null };
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
              message,
              logprobs: null,
              finish_reason: ending === 'tool' ? 'tool_calls' : ending,
            },
          ],
          usage,
          system_fingerprint: `fp_${personality.name}`,
        },
      };
    },
  };
}

function requestOf(body: Record<string, unknown>): GenerationRequest | ApiError {
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
  const tools = toolsOf(body['tools']);
  if ('status' in tools) return tools;
  const format = formatOf(body['response_format'], messages);
  if ('status' in format) return format;
  const conversation = messages.map(({ role, text }) => `${role}\n${text}`).join('\n');
  return {
    model,
    conversation,
    promptChars: messages.reduce((sum, { text }) => sum + text.length, 0),
    prompt: messages.findLast(({ role }) => role === 'user')?.text ?? conversation,
    tokensMax,
    stops: stops as string[],
    seed: Number(seed),
    tools,
    mustCall: messages.at(-1)?.role === 'tool' ? 'none' : mustCallOf(body['tool_choice']),
    json: format.json,
    reasoningTokens: reasoningTokensOf(body['reasoning_effort']),
  };
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
    const isCalling = role === 'assistant' && Array.isArray((message as JsonObject)['tool_calls']);
    const text = isCalling ? (textOf(content) ?? '') : textOf(content);
    if (text === null) {
      return invalidRequest('The content must be a string or a list of parts.', `${param}.content`);
    }
    messages.push({ role, text });
  }
  return messages;
}

function toolsOf(given: unknown): readonly SandboxTool[] | ApiError {
  const tools: SandboxTool[] = [];
  for (const [index, tool] of (Array.isArray(given) ? (given as unknown[]) : []).entries()) {
    const { type, function: fn } = (tool ?? {}) as { type?: unknown; function?: JsonObject };
    const { name, parameters = {} } = fn ?? {};
    if (type !== 'function' || typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name))
      return invalidRequest(`Invalid 'tools[${index}].function.name'.`, `tools[${index}]`);
    tools.push({ name, parameters: parameters as JsonObject });
  }
  return tools;
}

function mustCallOf(choice: unknown): GenerationRequest['mustCall'] {
  if (choice === 'none') return 'none';
  if (choice === 'required') return 'any';
  const { function: fn } = (choice ?? {}) as { function?: { name?: unknown } };
  return typeof fn?.name === 'string' ? { name: fn.name } : 'may';
}

/** `json_object` wants a message that speaks of JSON, as OpenAI does. */
function formatOf(
  given: unknown,
  messages: readonly Message[],
): Pick<GenerationRequest, 'json'> | ApiError {
  const { type: kind = 'text', json_schema: asked } = (given ?? {}) as {
    type?: unknown;
    json_schema?: JsonObject;
  };
  if (kind === 'text') return { json: null };
  if (kind === 'json_object' && messages.some(({ text }) => /json/i.test(text)))
    return { json: 'json' };
  const schema = asked?.['schema'];
  if (kind === 'json_schema' && typeof asked?.['name'] === 'string' && schema)
    return { json: schema as JsonObject };
  return invalidRequest("Invalid 'response_format'.", 'response_format');
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
