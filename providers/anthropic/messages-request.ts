/**
 * A canonical request as a body of Anthropic messages.
 *
 *   system      all of it, at the top
 *   messages    user and assistant in turn: what stands together under one role is one message, and
 *               results of tools are the user's
 *   thinking    by a level (`output_config.effort`), or by a budget of tokens where the model is
 *               older or its route says so; it is a part of `max_tokens` and at least 1,024
 *   a schema    `output_config.format` where the schema is one that can be constrained; else a tool
 *               that must be called, or, where that cannot be asked for, a sentence in `system`
 */
import type { Unread } from '../failures.js';
import type { InputFile, ProviderCall } from '../port.js';
import {
  filesOf,
  systemTextOf,
  textOf,
  unsupported,
  wrongFile,
  type FilePart,
  type Part,
  type TextRequest,
  type Turn,
} from '../text/request.js';
import { isStrictSchema } from '../text/strict-schema.js';

type Fields = Readonly<Record<string, unknown>>;
type Called = Pick<ProviderCall, 'providerModel' | 'input' | 'routeRequest'>;

export async function messagesBody(
  { providerModel, input, routeRequest = {} }: Called,
  request: TextRequest,
): Promise<{ readonly body: Fields } | { readonly refusal: Unread }> {
  const thinking = thinkingOf(request, routeRequest.thinking ?? thinkingMode(providerModel));
  if ('refusal' in thinking) return thinking;
  const refusal = refusalOf(request, thinking.fields['thinking'] !== undefined);
  if (refusal) return { refusal };
  const { maxTokens = MAX_TOKENS, temperature, topP, stop, tools, toolChoice } = request;
  const structure = structureOf(request, thinking.fields['thinking'] !== undefined, providerModel);
  const system = [systemTextOf(request), structure.say].filter(Boolean).join('\n\n');
  const outputConfig = { ...thinking.output, ...structure.output };
  const body: Record<string, unknown> = {
    model: providerModel,
    max_tokens: maxTokens,
    ...(system !== '' && { system }),
    messages: await messagesOf(request.turns),
    stream: false,
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(stop.length > 0 && { stop_sequences: stop }),
    ...(tools.length > 0 && { tools: tools.map(toolOf) }),
    ...(tools.length > 0 && toolChoice !== undefined && { tool_choice: choiceOf(toolChoice) }),
    ...structure.fields,
    ...thinking.fields,
    ...(Object.keys(outputConfig).length > 0 && { output_config: outputConfig }),
  };
  for (const name of routeRequest.pass ?? [])
    if (input[name] !== undefined) body[name] = input[name];
  return { body: { ...body, ...routeRequest.add } };
}

/** The name of the tool by which a structured answer is given. */
export const ANSWER_TOOL = 'structured_answer';

/** An execution always has a bound; the format requires one. */
const MAX_TOKENS = 1_024;

const PICTURES = /^image\/(png|jpeg|gif|webp)$/;

function refusalOf(request: TextRequest, thinks: boolean): Unread | undefined {
  const { turns, seed, temperature, toolChoice } = request;
  if (seed !== undefined) return unsupported('input.seed');
  if (temperature !== undefined && temperature > 1)
    return unsupported('input.temperature', 'must be at most 1');
  if (thinks && temperature !== undefined && temperature !== 1)
    return unsupported('input.temperature', 'is not supported together with reasoning_effort');
  if (thinks && (toolChoice === 'required' || typeof toolChoice === 'object'))
    return unsupported('input.tool_choice', 'is not supported together with reasoning_effort');
  const apart = turns
    .filter(({ role }) => role === 'system' || role === 'assistant')
    .flatMap(({ parts }) => parts)
    .find((part) => part.type !== 'text');
  if (apart) return unsupported(apart.field);
  const wrong = filesOf(request).find((part) => !isTaken(part));
  return wrong && (wrong.type === 'audio' ? unsupported(wrong.field) : wrongFile(wrong));
}

function isTaken({ type, file: { contentType } }: FilePart): boolean {
  if (type === 'image') return PICTURES.test(contentType);
  return type === 'file' && (contentType === 'application/pdf' || contentType.startsWith('text/'));
}

/** Models up to Claude 4.5 think by a budget, later ones by a level. */
const thinkingMode = (providerModel: string): 'level' | 'budget' =>
  /claude-(3|(sonnet|opus|haiku)-(3|4(-[0-5])?(-\d{8}|$|@|:)))/.test(providerModel)
    ? 'budget'
    : 'level';

const THINKING_TOKENS_MIN = 1_024;

/** Of `max_tokens`. */
const budgets: Readonly<Record<string, number>> = { minimal: 0, low: 0.25, medium: 0.5, high: 0.8 };

interface Thinking {
  readonly fields: Fields;
  readonly output: Fields;
}

/** The answer of a tool goes on with a turn that began without thinking: it cannot begin then. */
function thinkingOf(
  { reasoningEffort: effort, maxTokens = MAX_TOKENS, turns }: TextRequest,
  mode: 'level' | 'budget',
): Thinking | { readonly refusal: Unread } {
  if (effort === undefined || effort === 'none') return { fields: {}, output: {} };
  if (mode === 'level') {
    const level = effort === 'minimal' ? 'low' : effort;
    return { fields: { thinking: { type: 'adaptive' } }, output: { effort: level } };
  }
  if (turns.at(-1)?.role === 'tool') return { fields: {}, output: {} };
  if (maxTokens <= THINKING_TOKENS_MIN) {
    const message = `must be more than ${THINKING_TOKENS_MIN} with reasoning_effort`;
    return { refusal: unsupported('input.max_tokens', message) };
  }
  const share = Math.floor(maxTokens * (budgets[effort] ?? 0.5));
  const budget = Math.min(Math.max(share, THINKING_TOKENS_MIN), maxTokens - 1);
  return { fields: { thinking: { type: 'enabled', budget_tokens: budget } }, output: {} };
}

interface Structure {
  readonly output: Fields;
  readonly fields: Fields;
  readonly say: string;
}

/** Models up to Claude 4.0 know no `output_config.format`. */
const knowsFormat = (providerModel: string): boolean =>
  !/claude-(3|(sonnet|opus|haiku)-(3|4(-0)?(-\d{8}|$|@|:)))/.test(providerModel);

function structureOf(
  { format, tools }: TextRequest,
  thinks: boolean,
  providerModel: string,
): Structure {
  if (format.type === 'text') return { output: {}, fields: {}, say: '' };
  if (format.type === 'json') return { output: {}, fields: {}, say: 'Answer in JSON alone.' };
  const { schema } = format;
  if (knowsFormat(providerModel) && isStrictSchema(schema))
    return { output: { format: { type: 'json_schema', schema } }, fields: {}, say: '' };
  if (thinks || tools.length > 0 || schema['type'] !== 'object') {
    const say = `Answer in JSON alone, of this JSON Schema: ${JSON.stringify(schema)}`;
    return { output: {}, fields: {}, say };
  }
  const tool = { name: ANSWER_TOOL, description: 'Gives the answer.', input_schema: schema };
  const fields = { tools: [tool], tool_choice: { type: 'tool', name: ANSWER_TOOL } };
  return { output: {}, fields, say: '' };
}

/** It refuses an empty block, and a conversation that a user did not begin. */
async function messagesOf(turns: readonly Turn[]): Promise<readonly Fields[]> {
  const messages: { role: string; content: Fields[] }[] = [];
  for (const turn of turns) {
    const blocks = turn.role === 'system' ? [] : await blocksOf(turn);
    if (blocks.length === 0) continue;
    const role = turn.role === 'assistant' ? 'assistant' : 'user';
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else messages.push({ role, content: blocks });
  }
  const begins = messages[0]?.role === 'user' ? [] : [{ role: 'user', content: '.' }];
  return [...begins, ...messages.map(({ role, content }) => ({ role, content: plainOf(content) }))];
}

/** One text is sent as it is. */
function plainOf(content: readonly Fields[]): unknown {
  const [first] = content;
  return content.length === 1 && first?.['type'] === 'text' ? first['text'] : content;
}

async function blocksOf(turn: Turn): Promise<Fields[]> {
  const { parts, calls, answers } = turn;
  const blocks = await Promise.all(parts.map(blockOf));
  if (answers) {
    const content = parts.every(({ type }) => type === 'text') ? textOf(turn) : blocks;
    return [{ type: 'tool_result', tool_use_id: idOf(answers.id), content }];
  }
  const used = calls.map(({ id, name, arguments: given }) => ({
    type: 'tool_use',
    id: idOf(id),
    name,
    input: typeof given === 'string' ? { arguments: given } : given,
  }));
  return [...blocks, ...used];
}

/** It takes letters, digits, `_` and `-`. */
const idOf = (id: string): string => id.replaceAll(/[^\w-]/g, '_');

async function blockOf(part: Part): Promise<Fields> {
  if (part.type === 'text') return { type: 'text', text: part.text };
  const { type, file } = part;
  if (type === 'image') return { type, source: await sourceOf(file) };
  if (file.contentType === 'application/pdf')
    return { type: 'document', source: await sourceOf(file) };
  const data = (await file.bytes()).toString('utf8');
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data } };
}

async function sourceOf(file: InputFile): Promise<Fields> {
  if (file.url !== undefined) return { type: 'url', url: file.url };
  const data = (await file.bytes()).toString('base64');
  return { type: 'base64', media_type: file.contentType, data };
}

const toolOf = ({ name, description, parameters }: TextRequest['tools'][number]): Fields => ({
  name,
  ...(description !== undefined && { description }),
  input_schema: { ...parameters, type: 'object' },
});

function choiceOf(choice: NonNullable<TextRequest['toolChoice']>): Fields {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name };
  return { type: choice === 'required' ? 'any' : choice };
}
