/**
 * What vega and lyra make of a sound and of texts: a model with `whisper` in its name transcribes,
 * one with `embed` makes vectors, each answering as its authors would.
 */
import { type ApiError, invalidRequest } from './api-error.js';
import { vectorOf } from './embeddings.js';
import { type Personality } from './personalities.js';
import { parseTranscription } from './transcription.js';

type JsonObject = Readonly<Record<string, unknown>>;

interface Heard {
  readonly text: string;
  readonly language: string;
  readonly segments: readonly { start: number; end: number; text: string }[];
}

const SOUNDS = ['audio', 'audio_url', 'audio_file'];
const DIMENSIONS = 384;

/** Undefined for a model of another kind. */
export function wordsOf(
  model: string,
  input: JsonObject,
  personality: Personality,
): { readonly made: unknown } | ApiError | undefined {
  if (/whisper/.test(model)) return heardBy(model, input, personality);
  if (!/embed/.test(model)) return undefined;
  const texts = textsIn(input);
  if (texts.length === 0) return { ...invalidRequest('is required', 'texts'), status: 422 };
  const vectors = texts.map((text) => [...vectorOf(text, model, DIMENSIONS)]);
  const rows = vectors.map((embedding, index) => ({ index, embedding }));
  return { made: personality.speaks === 'replicate' ? vectors : { data: rows } };
}

function heardBy(model: string, input: JsonObject, personality: Personality) {
  const name = SOUNDS.find((one) => typeof input[one] === 'string') ?? 'audio';
  const [, base64 = ''] = /^data:[^,]{1,100};base64,(.+)$/s.exec(String(input[name])) ?? [];
  const file = Buffer.from(base64, 'base64');
  const asked = { model, file, language: input['language'], response_format: 'verbose_json' };
  const parsed = parseTranscription(asked, personality);
  if ('refusal' in parsed) return { ...parsed.refusal, param: name, status: 422 };
  const { body } = parsed.job.answer({ digest: '', createdSeconds: 0 });
  const { text, language, segments } = body as Heard;
  if (personality.speaks === 'replicate')
    return { made: { transcription: text, detected_language: language, segments } };
  const chunks = segments.map(({ start, end, text: said }) => ({
    timestamp: [start, end],
    text: said,
  }));
  return { made: { text, chunks, inferred_languages: [language] } };
}

/** A list, the JSON of one, or a single text. */
function textsIn({ texts, text_batch: batch, text }: JsonObject): readonly string[] {
  const given = texts ?? batch ?? text;
  const listed = typeof given === 'string' && given.startsWith('[') ? parsed(given) : given;
  return [listed ?? []].flat().filter((one) => typeof one === 'string');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
