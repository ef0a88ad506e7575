/** The canonical output and usage in an answer, by the expressions of the catalogue. */
import type { Modality, Usage } from '../../contracts/events/execution.js';
import type {
  FinishReason,
  PolledJob,
  ProducedFile,
  ProviderCall,
  ProviderOutput,
  ProviderResult,
  Segment,
} from '../port.js';
import { imagesAsked } from '../produced.js';
import {
  failedMidway,
  failedWord,
  textResult,
  type GeneratedCall,
  type Generation,
} from '../text/generation.js';
import { formatOf } from '../text/request.js';
import { storableText } from '../text/storable.js';
import type { ToldTokens } from '../text/tokens.js';
import type { Description } from './description.js';
import type { Expression, Functions } from './expressions.js';

type Fields = Readonly<Record<string, unknown>>;
type Input = Readonly<Record<string, unknown>>;

/** What carries the output: a parsed answer, or a body that is the output. */
export type Carrier = { readonly json: unknown } | { readonly body: Buffer };

/** Whose output it is. */
export type Asking = Pick<ProviderCall, 'input' | 'dispatchKey'> & Pick<PolledJob, 'heardMs'>;

/** Undefined where the output is not there. */
export async function resultIn(
  description: Description,
  carrier: Carrier,
  call: Asking,
): Promise<ProviderResult | undefined> {
  const { input } = call;
  const json = 'json' in carrier ? carrier.json : undefined;
  const read = readerOf(description.output, json, input);
  const counts = readerOf(description.usage, json, input);
  if (description.modality === 'text') {
    const word = 'json' in carrier ? await read('finish_reason') : undefined;
    const failed = description.finishReasons.has(String(word)) ? undefined : failedWord(word);
    if (failed !== undefined) return failedMidway(`finish reason ${failed}`);
    const generation = await generationIn(description, carrier, read, counts);
    return generation && textResult(call, formatOf(input['response_format']), generation);
  }
  const produced =
    'body' in carrier
      ? outputOfBody(description, carrier.body)
      : await outputOf(description.modality, read, input);
  if (!produced) return undefined;
  const output = measured(produced, call);
  return { kind: 'succeeded', output, usage: await usageOf(description, counts, output, input) };
}

/** A sound that is transcribed is as long as its bytes say, where the answer does not. */
function measured(output: ProviderOutput, { heardMs }: Asking): ProviderOutput {
  if (output.modality !== 'transcription' || heardMs === undefined) return output;
  return { durationMs: heardMs, ...output };
}

type Reader = (name: string) => Promise<unknown>;

function readerOf(
  expressions: ReadonlyMap<string, Expression>,
  answer: unknown,
  input: Input,
): Reader {
  // A variable of the language, bound as the functions of templates are.
  const variables = { input } as unknown as Functions;
  return async (name) => expressions.get(name)?.valueOf(answer, variables);
}

function outputOfBody({ modality }: Description, body: Buffer): ProviderOutput | undefined {
  if (body.length === 0) return undefined;
  if (modality === 'transcription')
    return { modality, text: storableText(body.toString('utf8')), segments: [] };
  const file: ProducedFile = { base64: body.toString('base64') };
  if (modality === 'image') return { modality, images: [file] };
  if (modality === 'audio') return { modality, audio: file };
  return modality === 'video' ? { modality, video: file } : undefined;
}

async function outputOf(
  modality: Exclude<Modality, 'text'>,
  read: Reader,
  input: Input,
): Promise<ProviderOutput | undefined> {
  switch (modality) {
    case 'image': {
      const asked = imagesAsked(input);
      const images = listOf(await read('images'))
        .slice(0, asked)
        .flatMap(producedIn);
      return images.length > 0 ? { modality, images } : undefined;
    }
    case 'audio': {
      const [audio] = listOf(await read('audio')).flatMap(producedIn);
      return audio && { modality, audio };
    }
    case 'video': {
      const [video] = listOf(await read('video')).flatMap(producedIn);
      return video && { modality, video };
    }
    case 'transcription':
      return transcription(read);
    case 'embedding': {
      const embeddings = vectorsOf(await read('embeddings'), listOf(input['texts']).length);
      const { dimensions } = input;
      const isOther = typeof dimensions === 'number' && embeddings?.[0]?.length !== dimensions;
      return embeddings && !isOther ? { modality, embeddings } : undefined;
    }
  }
}

/** Undefined where there is neither a text, nor a call of a tool, nor a reason for its end. */
async function generationIn(
  { finishReasons }: Description,
  carrier: Carrier,
  read: Reader,
  counts: Reader,
): Promise<Generation | undefined> {
  if ('body' in carrier) {
    const text = carrier.body.toString('utf8');
    return text === '' ? undefined : { text, reason: 'stop', calls: [], tokens: {} };
  }
  const given = await read('text');
  const text = Array.isArray(given) ? given.filter(isText).join('') : given;
  const calls = listOf(await read('tool_calls'))
    .map(fieldsOf)
    .filter(isCall);
  const word = await read('finish_reason');
  if (!isText(text) && calls.length === 0 && word === undefined) return undefined;
  const tokens: ToldTokens = {
    input: await counts('input_tokens'),
    cached: await counts('cached_input_tokens'),
    output: await counts('output_tokens'),
    reasoning: await counts('reasoning_tokens'),
  };
  const reason = finishReasonOf(word, finishReasons);
  return { text: isText(text) ? text : '', reason, calls, tokens };
}

const ownReasons: ReadonlySet<string> = new Set<FinishReason>([
  'stop',
  'length',
  'tool_calls',
  'content_filter',
  'other',
]);

/** An answer that gives no reason is a whole one; a reason that nobody knows is `other`. */
function finishReasonOf(word: unknown, table: ReadonlyMap<string, string>): FinishReason {
  if (word === undefined) return 'stop';
  const ours = isText(word) ? (table.get(word) ?? word) : '';
  return ownReasons.has(ours) ? (ours as FinishReason) : 'other';
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** `{name, arguments}`, the last an object or the text of one. */
const isCall = (fields: Fields): fields is Fields & GeneratedCall => isText(fields['name']);

/**
 * A URL, a path at the provider, a data URL, base64, or an object with one of them under `url` or
 * `b64_json`.
 */
function producedIn(value: unknown): ProducedFile[] {
  if (!isText(value)) {
    const { url, b64_json: base64 } = fieldsOf(value);
    return isText(url) ? producedIn(url) : isText(base64) ? producedIn(base64) : [];
  }
  const text = value.trim();
  if (/^(https?|data):/i.test(text) || IS_PATH.test(text)) return [{ url: text }];
  return /^[A-Za-z0-9+/_-]{8}/.test(text) ? [{ base64: text }] : [];
}

/** No base64 has a dot or a question mark, though much of it begins with a slash. */
const IS_PATH = /^\/[\w%/~+=-]{0,2000}[.?]/;

async function transcription(read: Reader): Promise<ProviderOutput | undefined> {
  const text = await read('text');
  if (!isText(text)) return undefined;
  const language = await read('language');
  const durationMs = millisecondsOf(await read('duration_ms'));
  return {
    modality: 'transcription',
    text: storableText(text),
    segments: listOf(await read('segments')).flatMap(segmentIn),
    ...(isText(language) && { language }),
    ...(durationMs !== undefined && { durationMs }),
  };
}

/** `{start_ms, end_ms, text}`. */
function segmentIn(value: unknown): Segment[] {
  const { start_ms: start, end_ms: end, text } = fieldsOf(value);
  const [startMs, endMs] = [millisecondsOf(start), millisecondsOf(end)];
  if (startMs === undefined || endMs === undefined || !isText(text)) return [];
  return [{ startMs, endMs, text: storableText(text) }];
}

const millisecondsOf = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value < 1e12 ? Math.round(value) : undefined;

/** A list of vectors, or all their numbers in a row, as a path over a list gives them. */
function vectorsOf(value: unknown, texts: number): (readonly number[])[] | undefined {
  const given = listOf(value);
  const rows = given.every(Array.isArray) ? (given as unknown[][]) : splitIn(given, texts);
  const [first] = rows;
  if (!first || first.length === 0) return undefined;
  const isWhole = rows.every((row) => row.length === first.length && row.every(Number.isFinite));
  return isWhole ? (rows as number[][]) : undefined;
}

function splitIn(numbers: readonly unknown[], count: number): unknown[][] {
  const length = numbers.length / Math.max(count, 1);
  if (!Number.isInteger(length)) return [];
  return Array.from({ length: Math.max(count, 1) }, (_, index) =>
    numbers.slice(index * length, (index + 1) * length),
  );
}

const usageFields = {
  input_tokens: 'inputTokens',
  cached_input_tokens: 'cachedInputTokens',
  output_tokens: 'outputTokens',
  reasoning_tokens: 'reasoningTokens',
  images: 'images',
  pixels: 'pixels',
  seconds: 'seconds',
  characters: 'characters',
} as const;

/**
 * What the answer counts, and where it does not count, what is seen: files that were delivered, the
 * seconds and the characters that were asked for, four bytes of text a token.
 */
async function usageOf(
  description: Description,
  read: Reader,
  output: ProviderOutput,
  input: Input,
): Promise<Usage> {
  const usage: Partial<Record<keyof Usage, number>> = seenIn(output, input);
  for (const [name, field] of Object.entries(usageFields)) {
    if (!description.usage.has(name)) continue;
    const value = numberOf(await read(name));
    const isCount = field === 'seconds' ? value >= 0 : Number.isSafeInteger(value) && value >= 0;
    if (isCount) usage[field] = value;
  }
  if (output.modality === 'image') usage.images = output.images.length;
  return usage;
}

/** `null` and an empty text are no zero: what is not told is what is seen. */
function numberOf(value: unknown): number {
  const isTold = typeof value === 'number' || (isText(value) && value.trim() !== '');
  return isTold ? Number(value) : NaN;
}

function seenIn(output: ProviderOutput, input: Input): Usage {
  const { duration_s: seconds, text } = input;
  const tokens = (value: unknown) => Math.ceil(Buffer.byteLength(JSON.stringify(value)) / 4);
  switch (output.modality) {
    case 'text':
      return {};
    case 'image':
      return { images: output.images.length };
    case 'audio':
      return isText(text) ? { characters: [...text].length } : {};
    case 'transcription':
      return output.durationMs === undefined ? {} : { seconds: output.durationMs / 1000 };
    case 'embedding':
      return { inputTokens: tokens(input['texts'] ?? '') };
    case 'video':
      return typeof seconds === 'number' ? { seconds } : {};
  }
}

/** One value is a list of one: the language does not tell them apart. */
const listOf = (value: unknown): unknown[] =>
  value === undefined || value === null
    ? []
    : Array.isArray(value)
      ? (value as unknown[])
      : [value];

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
