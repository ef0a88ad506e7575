/** A canonical request as a body of OpenAI chat completions; nothing else is in it. */
import type { Unread } from '../failures.js';
import { urlOrData } from '../input-file.js';
import type { ProviderCall } from '../port.js';
import {
  filesOf,
  textOf,
  unsupported,
  wrongFile,
  type FilePart,
  type Part,
  type ResponseFormat,
  type TextRequest,
  type Turn,
} from '../text/request.js';
import { isStrictSchema } from '../text/strict-schema.js';

type Fields = Readonly<Record<string, unknown>>;
type Called = Pick<ProviderCall, 'providerModel' | 'input' | 'routeRequest'>;

export async function chatBody(
  { providerModel, input, routeRequest = {} }: Called,
  request: TextRequest,
): Promise<{ readonly body: Fields } | { readonly refusal: Unread }> {
  const refusal = refusalOf(request);
  if (refusal) return { refusal };
  const { maxTokens, temperature, topP, stop, seed, tools, toolChoice, reasoningEffort } = request;
  const maxField = routeRequest.max_tokens_field ?? maxTokensField(providerModel);
  const messages = await Promise.all(request.turns.map(messageOf));
  const body: Record<string, unknown> = {
    model: providerModel,
    messages: request.format.type === 'json' ? sayingJson(messages) : messages,
    stream: false,
    ...(maxTokens !== undefined && { [maxField]: maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(stop.length > 0 && { stop }),
    ...(seed !== undefined && { seed }),
    ...(reasoningEffort !== undefined && { reasoning_effort: reasoningEffort }),
    ...(tools.length > 0 && { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    ...(tools.length > 0 && toolChoice !== undefined && { tool_choice: choiceOf(toolChoice) }),
    ...(request.format.type !== 'text' && { response_format: formatOf(request.format) }),
  };
  for (const name of routeRequest.pass ?? [])
    if (input[name] !== undefined) body[name] = input[name];
  return { body: { ...body, ...routeRequest.add } };
}

/** OpenAI's models that reason refuse `max_tokens`, which most other servers know alone. */
const maxTokensField = (providerModel: string) =>
  /(^|\/)(o\d|gpt-[5-9])/i.test(providerModel) ? 'max_completion_tokens' : 'max_tokens';

const audioFormats: Readonly<Record<string, string>> = {
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
};

function refusalOf(request: TextRequest): Unread | undefined {
  const apart = request.turns
    .filter(({ role }) => role !== 'user')
    .flatMap(({ parts }) => parts)
    .find((part) => part.type !== 'text');
  if (apart) return unsupported(apart.field);
  const wrong = filesOf(request).find((part) => !isTaken(part));
  return wrong && wrongFile(wrong);
}

function isTaken({ type, file: { contentType } }: FilePart): boolean {
  if (type === 'image') return contentType.startsWith('image/');
  if (type === 'audio') return audioFormats[contentType] !== undefined;
  return contentType === 'application/pdf' || contentType.startsWith('text/');
}

async function messageOf(turn: Turn): Promise<Fields> {
  const { role, calls, answers } = turn;
  if (role === 'tool') return { role, tool_call_id: answers?.id, content: textOf(turn) };
  if (role !== 'user') {
    const message = { role, content: textOf(turn) };
    return calls.length === 0
      ? message
      : { role, content: message.content || null, tool_calls: calls.map(toolCallOf) };
  }
  const isPlain = turn.parts.every(({ type }) => type === 'text');
  return { role, content: isPlain ? textOf(turn) : await Promise.all(turn.parts.map(partOf)) };
}

const toolCallOf = ({ id, name, arguments: given }: Turn['calls'][number]): Fields => ({
  id,
  type: 'function',
  function: { name, arguments: typeof given === 'string' ? given : JSON.stringify(given) },
});

/** A file has a name of ours: its own is not told. */
async function partOf(part: Part): Promise<Fields> {
  if (part.type === 'text') return { type: 'text', text: part.text };
  const { type, file } = part;
  if (type === 'image') return { type: 'image_url', image_url: { url: await urlOrData(file) } };
  const bytes = await file.bytes();
  if (file.contentType.startsWith('text/')) return { type: 'text', text: bytes.toString('utf8') };
  const data = bytes.toString('base64');
  if (type === 'audio')
    return { type: 'input_audio', input_audio: { data, format: audioFormats[file.contentType] } };
  const fileData = `data:${file.contentType};base64,${data}`;
  return { type: 'file', file: { filename: 'file.pdf', file_data: fileData } };
}

const choiceOf = (choice: NonNullable<TextRequest['toolChoice']>): unknown =>
  typeof choice === 'string' ? choice : { type: 'function', function: choice };

/** A schema outside of what `strict` allows is sent without it, and the answer checked by us. */
function formatOf(format: Exclude<ResponseFormat, { type: 'text' }>): Fields {
  if (format.type === 'json') return { type: 'json_object' };
  const { name, schema } = format;
  return {
    type: 'json_schema',
    json_schema: { name, schema, strict: isStrictSchema(schema) },
  };
}

/** `json_object` is refused unless a message speaks of JSON. */
function sayingJson(messages: readonly Fields[]): readonly Fields[] {
  return /json/i.test(JSON.stringify(messages))
    ? messages
    : [{ role: 'system', content: 'Answer in JSON.' }, ...messages];
}
