/**
 * A canonical request as a body of Gemini `generateContent`.
 *
 *   system     `systemInstruction`
 *   messages   `contents`: user and model; what stands together under one role is one content, so
 *              that the results of tools that were called together stay together
 *   files      `inlineData`
 *   thinking   by a level, or by a budget of tokens where a model is older or its route says so; a
 *              budget is a part of `maxOutputTokens`
 *   a schema   `responseJsonSchema`
 */
import type { Unread } from '../failures.js';
import { isObject } from '../json-object.js';
import type { ProviderCall } from '../port.js';
import {
  filesOf,
  systemTextOf,
  textOf,
  unsupported,
  wrongFile,
  type Part,
  type TextRequest,
  type Turn,
} from '../text/request.js';

type Fields = Readonly<Record<string, unknown>>;
type Called = Pick<ProviderCall, 'providerModel' | 'input' | 'routeRequest'>;

/** What the route passes goes into `generationConfig`, what it adds beside it. */
export async function contentBody(
  { providerModel, input, routeRequest = {} }: Called,
  request: TextRequest,
): Promise<{ readonly body: Fields } | { readonly refusal: Unread }> {
  const refusal = refusalOf(request);
  if (refusal) return { refusal };
  const { tools, toolChoice } = request;
  const system = systemTextOf(request);
  const config: Record<string, unknown> = configOf(
    request,
    routeRequest.thinking ?? thinkingMode(providerModel),
  );
  for (const name of routeRequest.pass ?? [])
    if (input[name] !== undefined) config[name] = input[name];
  const body = {
    ...(system !== '' && { systemInstruction: { parts: [{ text: system }] } }),
    contents: await contentsOf(request.turns, wantsSignatures(providerModel)),
    ...(tools.length > 0 && { tools: [{ functionDeclarations: tools.map(declarationOf) }] }),
    ...(tools.length > 0 &&
      toolChoice !== undefined && {
        toolConfig: { functionCallingConfig: callingConfig(toolChoice) },
      }),
    ...(Object.keys(config).length > 0 && { generationConfig: config }),
    ...routeRequest.add,
  };
  return { body };
}

const TAKEN: Readonly<Record<Exclude<Part['type'], 'text'>, RegExp>> = {
  image: /^image\/(png|jpeg|webp|heic|heif)$/,
  audio: /^audio\//,
  file: /^(application\/pdf|text\/.*|video\/.*|audio\/.*)$/,
};

function refusalOf(request: TextRequest): Unread | undefined {
  const apart = request.turns
    .filter(({ role }) => role === 'system' || role === 'tool')
    .flatMap(({ parts }) => parts)
    .find((part) => part.type !== 'text');
  if (apart) return unsupported(apart.field);
  const wrong = filesOf(request).find(({ type, file }) => !TAKEN[type].test(file.contentType));
  return wrong && wrongFile(wrong);
}

function configOf(request: TextRequest, mode: 'level' | 'budget'): Record<string, unknown> {
  const { maxTokens, temperature, topP, stop, seed, format } = request;
  const thinking = thinkingOf(request, mode);
  return {
    ...(maxTokens !== undefined && { maxOutputTokens: maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(stop.length > 0 && { stopSequences: stop }),
    ...(seed !== undefined && { seed }),
    ...(format.type !== 'text' && { responseMimeType: 'application/json' }),
    ...(format.type === 'json_schema' && { responseJsonSchema: format.schema }),
    ...(thinking && { thinkingConfig: thinking }),
  };
}

/** Models up to Gemini 2.5 think by a budget, later ones by a level. */
const thinkingMode = (providerModel: string): 'level' | 'budget' =>
  /gemini-[12]/.test(providerModel) ? 'budget' : 'level';

/** Of `max_tokens`. */
const budgets: Readonly<Record<string, number>> = {
  minimal: 0.1,
  low: 0.25,
  medium: 0.5,
  high: 0.8,
};
/** Below this some models refuse a budget. */
const BUDGET_MIN = 128;
const MAX_TOKENS = 1_024;

function thinkingOf(
  { reasoningEffort: effort, maxTokens = MAX_TOKENS }: TextRequest,
  mode: 'level' | 'budget',
): Fields | undefined {
  if (effort === undefined) return undefined;
  if (mode === 'level') return { thinkingLevel: effort === 'none' ? 'minimal' : effort };
  if (effort === 'none') return { thinkingBudget: 0 };
  return { thinkingBudget: Math.max(Math.floor(maxTokens * (budgets[effort] ?? 0.5)), BUDGET_MIN) };
}

/** From Gemini 3 on a call in the history has its thought's signature, or this in its place. */
const NO_SIGNATURE = 'skip_thought_signature_validator';

const wantsSignatures = (providerModel: string): boolean => !/gemini-[12]/.test(providerModel);

async function contentsOf(turns: readonly Turn[], signed: boolean): Promise<readonly Fields[]> {
  const contents: { role: string; parts: Fields[] }[] = [];
  for (const turn of turns) {
    const parts = turn.role === 'system' ? [] : await partsOf(turn, signed);
    if (parts.length === 0) continue;
    const role = turn.role === 'assistant' ? 'model' : 'user';
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else contents.push({ role, parts });
  }
  return contents.length > 0 ? contents : [{ role: 'user', parts: [{ text: '.' }] }];
}

async function partsOf(turn: Turn, signed: boolean): Promise<Fields[]> {
  const { parts, calls, answers } = turn;
  if (answers) {
    const response = responseOf(textOf(turn));
    return [{ functionResponse: { name: answers.name ?? answers.id, response } }];
  }
  const called = calls.map(({ name, arguments: given }, index) => ({
    functionCall: { name, args: typeof given === 'string' ? { arguments: given } : given },
    ...(signed && index === 0 && { thoughtSignature: NO_SIGNATURE }),
  }));
  return [...(await Promise.all(parts.map(partOf))), ...called];
}

/** It takes an object. */
function responseOf(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : { result: value };
  } catch {
    return { result: text };
  }
}

async function partOf(part: Part): Promise<Fields> {
  if (part.type === 'text') return { text: part.text };
  const bytes = await part.file.bytes();
  return { inlineData: { mimeType: part.file.contentType, data: bytes.toString('base64') } };
}

const declarationOf = ({
  name,
  description,
  parameters,
}: TextRequest['tools'][number]): Fields => ({
  name,
  ...(description !== undefined && { description }),
  parametersJsonSchema: parameters,
});

function callingConfig(choice: NonNullable<TextRequest['toolChoice']>): Fields {
  if (typeof choice === 'object') return { mode: 'ANY', allowedFunctionNames: [choice.name] };
  return { mode: { auto: 'AUTO', none: 'NONE', required: 'ANY' }[choice] };
}
