/**
 * `POST …/v1beta/models/<model>:generateContent`: a Gemini request in, a job that writes its
 * answer out, or paints it where pictures are asked for. What the API does not know is refused here
 * too; it knows its fields by both spellings, `maxOutputTokens` and `max_output_tokens`.
 */
import { type ApiError, invalidRequest } from './api-error.js';
import {
  generate,
  reasoningTokensOf,
  type GenerationRequest,
  type SandboxTool,
} from './generation.js';
import { parsePicture } from './content-pictures.js';
import { type Gallery } from './images.js';
import { type Job, type Parsed } from './job.js';
import { type Personality } from './personalities.js';

type JsonObject = Readonly<Record<string, unknown>>;

export function parseContents(
  model: string,
  given: JsonObject,
  personality: Personality,
  gallery: Gallery,
): Parsed {
  const body = camel(given, 2);
  const { responseModalities, imageConfig } = objectOf(body['generationConfig']);
  if (Array.isArray(responseModalities) && responseModalities.includes('IMAGE')) {
    const parts = listOf(body['contents']).flatMap((content) => listOf(content['parts']));
    const said = parts.flatMap(({ text }) => (typeof text === 'string' ? [text] : []));
    const sources = parts.flatMap(({ inlineData }) => [objectOf(inlineData)['data'] ?? []].flat());
    const { aspectRatio } = objectOf(imageConfig);
    const wanted = { model, prompt: said.join('\n'), sources: sources.map(String), aspectRatio };
    return parsePicture(wanted, personality, gallery);
  }
  const request = requestOf(model, body);
  if ('status' in request) return { refusal: request };
  return { model, job: contentsJob(request, personality) };
}

/** The fields of the request and of its parts; schemas and arguments below stay as they are. */
function camel(given: JsonObject, depth: number): JsonObject {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      depth > 1 && isObject(value) ? camel(value, depth - 1) : value,
    ]),
  );
}

const FIELDS = new Set(
  'contents systemInstruction tools toolConfig generationConfig safetySettings'.split(' '),
);
const CONFIG_FIELDS = new Set(
  (
    'maxOutputTokens temperature topP topK stopSequences seed candidateCount responseMimeType ' +
    'responseJsonSchema responseSchema thinkingConfig responseModalities'
  ).split(' '),
);
const TOKENS_DEFAULT = 8_192;

function contentsJob(request: GenerationRequest, personality: Personality): Job {
  const isBlocked = request.conversation.includes('[[moderation]]');
  return {
    status: 200,
    isPaid: !isBlocked,
    work: null,
    answer({ digest }) {
      const generated = generate(request, personality);
      const { text, ending, call, promptTokens, outputTokens, reasoningTokens } = generated;
      const said = isBlocked ? 0 : outputTokens - reasoningTokens;
      const thoughts = isBlocked ? 0 : reasoningTokens;
      const usage = {
        promptTokenCount: promptTokens,
        ...(said > 0 && { candidatesTokenCount: said }),
        ...(thoughts > 0 && { thoughtsTokenCount: thoughts }),
        totalTokenCount: promptTokens + said + thoughts,
      };
      const part = call ? { functionCall: { name: call.name, args: call.arguments } } : { text };
      const candidate = {
        content: { parts: [part], role: 'model' },
        finishReason: ending === 'length' ? 'MAX_TOKENS' : 'STOP',
        index: 0,
      };
      const answer = isBlocked ? { promptFeedback } : { candidates: [candidate] };
      const about = { modelVersion: request.model, responseId: digest.slice(0, 23) };
      return { usage, body: { ...answer, usageMetadata: usage, ...about } };
    },
  };
}

const promptFeedback = {
  blockReason: 'SAFETY',
  safetyRatings: [
    { category: 'HARM_CATEGORY_DANGEROUS_CONTENT', probability: 'HIGH', blocked: true },
  ],
};

function requestOf(model: string, body: JsonObject): GenerationRequest | ApiError {
  const config = objectOf(body['generationConfig']);
  const unknown =
    Object.keys(body).find((field) => !FIELDS.has(field)) ??
    Object.keys(config).find((field) => !CONFIG_FIELDS.has(field));
  if (unknown !== undefined) return wrong(`Unknown name "${unknown}": Cannot find field.`);
  const contents = contentsOf(body['contents']);
  if ('status' in contents) return contents;
  const {
    maxOutputTokens: tokensMax = TOKENS_DEFAULT,
    stopSequences,
    seed,
    responseMimeType,
  } = config;
  if (!Number.isInteger(tokensMax) || Number(tokensMax) < 1)
    return wrong('maxOutputTokens is wrong.');
  const schema = config['responseJsonSchema'];
  if (schema !== undefined && responseMimeType !== 'application/json')
    return wrong('responseJsonSchema needs the responseMimeType application/json.');
  const system = listOf(objectOf(body['systemInstruction'])['parts']).map(({ text }) =>
    String(text),
  );
  const said = contents.map(({ role, text }) => `${role}\n${text}`);
  const conversation = [...system, ...said].join('\n');
  return {
    model,
    conversation,
    promptChars: [...system, ...contents.map(({ text }) => text)].join('').length,
    prompt: contents.findLast(({ role }) => role === 'user')?.text ?? conversation,
    tokensMax: Number(tokensMax),
    stops: Array.isArray(stopSequences) ? (stopSequences as string[]) : [],
    seed: typeof seed === 'number' ? seed : 0,
    tools: toolsOf(body['tools']),
    mustCall: contents.at(-1)?.isResult ? 'none' : mustCallOf(objectOf(body['toolConfig'])),
    json: isObject(schema) ? schema : responseMimeType === 'application/json' ? 'json' : null,
    reasoningTokens: thoughtsOf(objectOf(config['thinkingConfig'])),
  };
}

interface Content {
  readonly role: string;
  readonly text: string;
  readonly isResult: boolean;
}

const PARTS = ['text', 'inlineData', 'functionCall', 'functionResponse', 'fileData'];

function contentsOf(given: unknown): Content[] | ApiError {
  const contents: Content[] = [];
  for (const { role, parts } of listOf(given)) {
    if (role !== 'user' && role !== 'model') return wrong('Please use a valid role: user, model.');
    const all = listOf(parts);
    if (all.length === 0) return wrong('contents.parts must not be empty.');
    if (!all.every((part) => PARTS.some((name) => part[name] !== undefined)))
      return wrong('A part must have one initialized field.');
    const text = all.flatMap((part) => (typeof part['text'] === 'string' ? [part['text']] : []));
    const isResult = all.some((part) => part['functionResponse'] !== undefined);
    contents.push({ role, text: text.join('\n'), isResult });
  }
  return contents.length > 0 ? contents : wrong('contents is not specified.');
}

function toolsOf(given: unknown): readonly SandboxTool[] {
  return listOf(given).flatMap(({ functionDeclarations: declared }) =>
    listOf(declared).map(({ name, parametersJsonSchema: schema }) => ({
      name: String(name),
      parameters: isObject(schema) ? schema : {},
    })),
  );
}

function mustCallOf(config: JsonObject): GenerationRequest['mustCall'] {
  const { mode, allowedFunctionNames: names } = objectOf(config['functionCallingConfig']);
  if (mode === 'NONE') return 'none';
  if (mode !== 'ANY') return 'may';
  return Array.isArray(names) ? { name: String(names[0]) } : 'any';
}

function thoughtsOf({ thinkingLevel: level, thinkingBudget: budget }: JsonObject): number {
  if (typeof budget === 'number') return Math.min(budget, reasoningTokensOf('high'));
  return reasoningTokensOf(level);
}

const wrong = (message: string): ApiError => invalidRequest(message, null);

const listOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? (value as unknown[]).filter(isObject) : [];

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
