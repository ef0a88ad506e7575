/**
 * The canonical input of text as the adapters read it. A model's own schema has let it through;
 * what a wire format cannot carry all the same is a refusal that names the field.
 *
 * Tools, calls of tools and `response_format` are also read in the nesting of OpenAI's API
 * (`{type: function, function: {…}}`, `{json_schema: {schema}}`), which callers may still have.
 */
import type { ErrorDetail } from '../../contracts/error-codes.js';
import type { Unread } from '../failures.js';
import { isObject } from '../json-call.js';
import { meanings } from '../meanings.js';
import type { InputFile, ProviderCall } from '../port.js';

export interface TextRequest {
  readonly turns: readonly Turn[];
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly stop: readonly string[];
  readonly seed?: number;
  readonly tools: readonly Tool[];
  readonly toolChoice?: 'auto' | 'none' | 'required' | { readonly name: string };
  readonly format: ResponseFormat;
  readonly reasoningEffort?: string;
}

export interface Turn {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly parts: readonly Part[];
  /** Of an assistant. */
  readonly calls: readonly CalledTool[];
  /** Of a tool: the call that it answers, and the name of the tool where it is known. */
  readonly answers?: { readonly id: string; readonly name?: string };
}

export type Part = TextPart | FilePart;

export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

export interface FilePart {
  readonly type: 'image' | 'audio' | 'file';
  readonly file: InputFile;
  /** Where the caller put it. */
  readonly field: string;
}

export interface CalledTool {
  readonly id: string;
  readonly name: string;
  readonly arguments: Fields | string;
}

export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** The JSON Schema of its arguments. */
  readonly parameters: Fields;
}

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | { readonly type: 'json_schema'; readonly name: string; readonly schema: Fields };

type Fields = Readonly<Record<string, unknown>>;

/** The fields that every format translates, or refuses. */
export const TEXT_FIELDS: readonly string[] = (
  'prompt messages system max_tokens temperature top_p stop seed tools tool_choice ' +
  'response_format reasoning_effort'
).split(' ');

const CANONICAL = new Set(TEXT_FIELDS);

export function textRequestOf(
  call: Pick<ProviderCall, 'input' | 'files' | 'routeRequest'>,
): TextRequest | { refusal: Unread } {
  const { input, files, routeRequest = {} } = call;
  const isSent = (name: string) => CANONICAL.has(name) || routeRequest.pass?.includes(name);
  const unsent = Object.keys(input).find((name) => !isSent(name) && input[name] !== undefined);
  if (unsent !== undefined)
    return { refusal: unsupported(/^\w{1,64}$/.test(unsent) ? `input.${unsent}` : 'input') };
  const read = turnsOf(input, files);
  if ('refusal' in read) return read;
  const { max_tokens: maxTokens, temperature, top_p: topP, seed, tool_choice: choice } = input;
  const toolChoice = toolChoiceOf(choice);
  const effort = input['reasoning_effort'];
  return {
    turns: read.turns,
    ...(typeof maxTokens === 'number' && { maxTokens }),
    ...(typeof temperature === 'number' && { temperature }),
    ...(typeof topP === 'number' && { topP }),
    stop: [input['stop'] ?? []].flat().filter((one) => typeof one === 'string'),
    ...(typeof seed === 'number' && { seed }),
    tools: listOf(input['tools']).map(toolOf),
    ...(toolChoice !== undefined && { toolChoice }),
    format: formatOf(input['response_format']),
    ...(typeof effort === 'string' && { reasoningEffort: effort }),
  };
}

/** Another route may do what this one cannot; where none can, the caller is told the field. */
export function unsupported(field: string, message = 'is not supported by this model'): Unread {
  const details: readonly ErrorDetail[] = [{ field, code: 'unsupported', message }];
  return {
    kind: 'failed',
    ...meanings.invalid,
    ...ELSEWHERE,
    detail: `not sent: no place for ${CANONICAL.has(nameOf(field)) ? field : 'a field'}`,
    details,
  };
}

/** `input.messages[0].content` is of `messages`. Other names may be the caller's own. */
const nameOf = (field: string): string => /^input\.(\w+)/.exec(field)?.[1] ?? '';

const ELSEWHERE = { retryable: true, elsewhere: true } as const;

/** The texts of a turn, a line between them. */
export const textOf = ({ parts }: Pick<Turn, 'parts'>): string =>
  parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');

export const filesOf = ({ turns }: TextRequest): readonly FilePart[] =>
  turns.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'text' ? [] : [part])));

/** For formats that have one place for all of it. */
export const systemTextOf = ({ turns }: TextRequest): string =>
  turns
    .filter(({ role }) => role === 'system')
    .map(textOf)
    .join('\n\n');

/** A file of a kind that the format does not take. */
export function wrongFile({ field, file }: FilePart): Unread {
  const message = `has a format that this model cannot take: ${file.contentType}`;
  const details = [{ field: `${field}.file_id`, code: 'file_format_unsupported', message }];
  const detail = `not sent: no place for ${file.contentType}`;
  return { kind: 'failed', ...meanings.wrongFormat, ...ELSEWHERE, detail, details };
}

function turnsOf(
  { prompt, system, messages }: Fields,
  files: ProviderCall['files'],
): { turns: readonly Turn[] } | { refusal: Unread } {
  const given = Array.isArray(messages)
    ? (messages as unknown[]).filter(isObject)
    : [{ role: 'user', content: prompt }];
  const turns: Turn[] = typeof system === 'string' ? [plain('system', system)] : [];
  const names = new Map<string, string>();
  for (const [index, message] of given.entries()) {
    const field = Array.isArray(messages) ? `input.messages[${index}].content` : 'input.prompt';
    const parts = partsOf(message['content'], field, files);
    if ('refusal' in parts) return parts;
    const calls = listOf(message['tool_calls']).map(calledToolOf);
    for (const { id, name } of calls) names.set(id, name);
    const { tool_call_id: id, role } = message;
    const turn = { role: roleOf(role), parts: parts.parts, calls };
    if (turn.role !== 'tool') turns.push(turn);
    else turns.push({ ...turn, answers: answered(String(id), names.get(String(id))) });
  }
  return { turns };
}

const plain = (role: Turn['role'], text: string): Turn => ({
  role,
  parts: [{ type: 'text', text }],
  calls: [],
});

const answered = (id: string, name: string | undefined) =>
  name === undefined ? { id } : { id, name };

const roles = ['system', 'user', 'assistant', 'tool'] as const;

/** `developer` is a newer word of OpenAI's for `system`. */
const roleOf = (role: unknown): Turn['role'] =>
  role === 'developer' ? 'system' : (roles.find((known) => known === role) ?? 'user');

function partsOf(
  content: unknown,
  field: string,
  files: ProviderCall['files'],
): { parts: readonly Part[] } | { refusal: Unread } {
  if (typeof content === 'string')
    return { parts: content === '' ? [] : [{ type: 'text', text: content }] };
  const parts: Part[] = [];
  for (const [index, part] of listOf(content).entries()) {
    const at = `${field}[${index}]`;
    const { type, text, file_id: fileId } = part;
    if (type === 'text' && typeof text === 'string') parts.push({ type, text });
    else if (type === 'image' || type === 'audio' || type === 'file') {
      const file = files?.get(String(fileId));
      if (!file) return { refusal: fileMissing(`${at}.file_id`) };
      parts.push({ type, file, field: at });
    } else return { refusal: unsupported(`${at}.type`) };
  }
  return { parts };
}

const fileMissing = (field: string): Unread => ({
  kind: 'failed',
  code: 'FILE_NOT_FOUND',
  retryable: false,
  countsAsFailure: false,
  detail: 'not sent: a file of the input was not given to the adapter',
  details: [{ field, code: 'file_not_found', message: 'does not exist any more' }],
});

const listOf = (value: unknown): readonly Fields[] =>
  Array.isArray(value) ? (value as unknown[]).filter(isObject) : [];

const nested = (value: Fields, name: string): Fields => {
  const inner = value[name];
  return isObject(inner) ? inner : value;
};

function calledToolOf(call: Fields): CalledTool {
  const { name, arguments: given } = nested(call, 'function');
  const parsed = typeof given === 'string' ? objectIn(given) : given;
  const args = isObject(parsed) ? parsed : typeof given === 'string' ? given : {};
  return { id: String(call['id']), name: String(name), arguments: args };
}

function objectIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function toolOf(tool: Fields): Tool {
  const { name, description, parameters } = nested(tool, 'function');
  return {
    name: String(name),
    ...(typeof description === 'string' && { description }),
    parameters: isObject(parameters) ? parameters : { type: 'object', properties: {} },
  };
}

function toolChoiceOf(choice: unknown): TextRequest['toolChoice'] {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return choice;
  const name = isObject(choice) ? nested(choice, 'function')['name'] : undefined;
  return typeof name === 'string' ? { name } : undefined;
}

export function formatOf(given: unknown): ResponseFormat {
  const format = isObject(given) ? given : { type: given };
  const { type } = format;
  if (type === 'json' || type === 'json_object') return { type: 'json' };
  const { schema, name } = nested(format, 'json_schema');
  if (type !== 'json_schema' || !isObject(schema)) return { type: 'text' };
  return { type, name: typeof name === 'string' ? name : 'answer', schema };
}
