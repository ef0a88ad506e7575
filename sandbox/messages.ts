/**
 * `POST …/v1/messages`: an Anthropic request in, a job that writes its answer out. What the API
 * does not know, or refuses together, is refused here too.
 */
import { type ApiError, invalidRequest } from './api-error.js';
import {
  generate,
  reasoningTokensOf,
  type GenerationRequest,
  type SandboxTool,
} from './generation.js';
import { type Job, type Parsed } from './job.js';
import { type Personality } from './personalities.js';

type JsonObject = Readonly<Record<string, unknown>>;

export function parseMessages(body: JsonObject, personality: Personality): Parsed {
  const request = requestOf(body);
  if ('status' in request) return { refusal: request };
  return { model: request.model, job: messagesJob(request, personality) };
}

const FIELDS = new Set(
  (
    'model max_tokens messages system stream temperature top_p top_k stop_sequences tools ' +
    'tool_choice thinking output_config metadata service_tier'
  ).split(' '),
);

function messagesJob(request: GenerationRequest, personality: Personality): Job {
  const isRefused = request.conversation.includes('[[moderation]]');
  return {
    status: 200,
    isPaid: !isRefused,
    work: null,
    answer({ digest }) {
      const generated = generate(request, personality);
      const { text, ending, call, promptTokens, outputTokens, reasoningTokens } = generated;
      const thinking =
        reasoningTokens > 0
          ? [{ type: 'thinking', thinking: 'Let me see.', signature: digest }]
          : [];
      const said = call
        ? {
            type: 'tool_use',
            id: `toolu_${digest.slice(0, 24)}`,
            name: call.name,
            input: call.arguments,
          }
        : { type: 'text', text };
      const usage = {
        input_tokens: promptTokens,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: isRefused ? 0 : outputTokens,
        ...(reasoningTokens > 0 && { output_tokens_details: { thinking_tokens: reasoningTokens } }),
      };
      const reason = { stop: 'end_turn', length: 'max_tokens', tool: 'tool_use' }[ending];
      return {
        usage,
        body: {
          id: `msg_${digest.slice(0, 24)}`,
          type: 'message',
          role: 'assistant',
          model: request.model,
          content: isRefused ? [] : [...thinking, said],
          stop_reason: isRefused ? 'refusal' : reason,
          stop_sequence: null,
          ...(isRefused && {
            stop_details: { type: 'refusal', category: null, explanation: null },
          }),
          usage,
        },
      };
    },
  };
}

function requestOf(body: JsonObject): GenerationRequest | ApiError {
  const unknown = Object.keys(body).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) return wrong(`${unknown}: Extra inputs are not permitted`);
  const { model, max_tokens: tokensMax, temperature = 1, stream } = body;
  if (typeof model !== 'string' || model === '') return wrong('model: Field required');
  if (!Number.isInteger(tokensMax) || Number(tokensMax) < 1)
    return wrong('max_tokens: Field required');
  if (stream === true) return wrong('stream: not supported here');
  if (typeof temperature !== 'number' || temperature < 0 || temperature > 1)
    return wrong('temperature: range: 0..1');
  const messages = messagesOf(body['messages']);
  if ('status' in messages) return messages;
  const thinking = thinkingOf(body, Number(tokensMax));
  if ('status' in thinking) return thinking;
  const tools = listOf(body['tools']).map(({ name, input_schema: schema }): SandboxTool => ({
    name: String(name),
    parameters: isObject(schema) ? schema : {},
  }));
  const config = objectOf(body['output_config']);
  const format = objectOf(config['format']);
  const system = typeof body['system'] === 'string' ? body['system'] : '';
  const conversation = [system, ...messages.map(({ role, text }) => `${role}\n${text}`)].join('\n');
  return {
    model,
    conversation,
    promptChars: messages.reduce((sum, { text }) => sum + text.length, system.length),
    prompt: messages.findLast(({ role }) => role === 'user')?.text ?? conversation,
    tokensMax: Number(tokensMax),
    stops: Array.isArray(body['stop_sequences']) ? (body['stop_sequences'] as string[]) : [],
    seed: 0,
    tools,
    mustCall: messages.at(-1)?.isResult ? 'none' : mustCallOf(objectOf(body['tool_choice'])),
    json: isObject(format['schema']) ? format['schema'] : /JSON alone/.test(system) ? 'json' : null,
    reasoningTokens: thinking.tokens,
  };
}

interface Message {
  readonly role: string;
  readonly text: string;
  /** It answers calls of tools. */
  readonly isResult: boolean;
}

const BLOCKS = new Set(['text', 'image', 'document', 'tool_use', 'tool_result', 'thinking']);

function messagesOf(given: unknown): Message[] | ApiError {
  const messages: Message[] = [];
  let called = new Set<unknown>();
  for (const [index, { role, content }] of listOf(given).entries()) {
    const at = `messages.${index}`;
    if (role !== 'user' && role !== 'assistant') return wrong(`${at}.role: user or assistant`);
    if (index === 0 && role !== 'user')
      return wrong('messages: first message must use the user role');
    const blocks =
      typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content);
    if (blocks.length === 0) return wrong(`${at}.content: must not be empty`);
    for (const block of blocks as JsonObject[]) {
      if (!BLOCKS.has(String(block['type']))) return wrong(`${at}.content: unknown block`);
      if (block['type'] === 'text' && !block['text']) return wrong(`${at}: text must not be empty`);
      if (block['type'] === 'tool_result' && !called.has(block['tool_use_id']))
        return wrong(`${at}: tool_result without its tool_use`);
    }
    const ofType = (type: string) => (blocks as JsonObject[]).filter((one) => one['type'] === type);
    called = new Set(ofType('tool_use').map(({ id }) => id));
    const text = ofType('text').map((one) => String(one['text']));
    messages.push({ role, text: text.join('\n'), isResult: ofType('tool_result').length > 0 });
  }
  return messages.length > 0 ? messages : wrong('messages: at least one message is required');
}

function thinkingOf(body: JsonObject, tokensMax: number): { tokens: number } | ApiError {
  const { type, budget_tokens: budget } = objectOf(body['thinking']);
  if (type === undefined || type === 'disabled') return { tokens: 0 };
  if ((body['temperature'] ?? 1) !== 1) return wrong('temperature: 1 while thinking');
  const { type: choice = 'auto' } = objectOf(body['tool_choice']);
  if (choice !== 'auto' && choice !== 'none')
    return wrong('tool_choice: must not force a tool while thinking');
  const effort = objectOf(body['output_config'])['effort'];
  if (type === 'adaptive') return { tokens: reasoningTokensOf(effort ?? 'high') };
  if (!Number.isInteger(budget) || Number(budget) < 1_024 || Number(budget) >= tokensMax)
    return wrong('thinking.budget_tokens: from 1024 to less than max_tokens');
  return { tokens: reasoningTokensOf('medium') };
}

function mustCallOf({ type, name }: JsonObject): GenerationRequest['mustCall'] {
  if (type === 'none') return 'none';
  if (type === 'any') return 'any';
  return type === 'tool' ? { name: String(name) } : 'may';
}

const wrong = (message: string): ApiError => invalidRequest(message, null);

const listOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? (value as unknown[]).filter(isObject) : [];

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
