/**
 * `POST …/v1/embeddings`: unit vectors that follow from the words of each text, so that texts which
 * share words are near each other.
 */
import { type ApiError, invalidRequest } from './api-error.js';
import { type Parsed } from './job.js';
import { seededRandom, seedOf } from './random.js';

const textsMax = 2_048;
const textCharsMax = 32_000;
const dimensionsDefault = 1_536;
const dimensionsMax = 3_072;
const placesPerWord = 48;

interface EmbeddingRequest {
  readonly model: string;
  readonly texts: readonly string[];
  readonly dimensions: number;
  readonly asBase64: boolean;
}

export function parseEmbeddings(body: Record<string, unknown>): Parsed {
  const request = requestOf(body);
  if ('status' in request) return { refusal: request };
  const { model, texts, dimensions, asBase64 } = request;
  return {
    model,
    job: {
      status: 200,
      isPaid: true,
      work: null,
      answer() {
        const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
        const usage = { prompt_tokens: tokens, total_tokens: tokens };
        const data = texts.map((text, index) => {
          const vector = vectorOf(text, model, dimensions);
          const embedding = asBase64 ? base64Of(vector) : [...vector];
          return { object: 'embedding', index, embedding };
        });
        return { usage, body: { object: 'list', data, model, usage } };
      },
    },
  };
}

export function vectorOf(text: string, model: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  const words = text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  for (const word of [...words.filter((one) => one !== ''), text]) {
    const random = seededRandom(seedOf(`${model}\n${word}`));
    for (let n = 0; n < placesPerWord; n++) {
      const place = Math.floor(random() * dimensions);
      vector[place] = (vector[place] ?? 0) + random() * 2 - 1;
    }
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

const base64Of = ({ buffer }: Float32Array): string =>
  Buffer.from(buffer as ArrayBuffer).toString('base64');

function requestOf(body: Record<string, unknown>): EmbeddingRequest | ApiError {
  const { model, input, encoding_format: encoding = 'float' } = body;
  const { dimensions = dimensionsDefault } = body;
  if (typeof model !== 'string' || model.length < 1 || model.length > 256) {
    return invalidRequest('You must provide a model parameter.', 'model');
  }
  const texts: unknown[] = Array.isArray(input) ? (input as unknown[]) : [input];
  const isText = (text: unknown) =>
    typeof text === 'string' && text !== '' && text.length <= textCharsMax;
  if (texts.length === 0 || texts.length > textsMax || !texts.every(isText)) {
    return invalidRequest(`'input' must be a text, or 1 to ${textsMax} texts.`, 'input');
  }
  const isCount = Number.isInteger(dimensions) && Number(dimensions) >= 1;
  if (!isCount || Number(dimensions) > dimensionsMax) {
    const range = `a whole number from 1 to ${dimensionsMax}`;
    return invalidRequest(`'dimensions' must be ${range}.`, 'dimensions');
  }
  if (encoding !== 'float' && encoding !== 'base64') {
    return invalidRequest("'encoding_format' must be 'float' or 'base64'.", 'encoding_format');
  }
  const asBase64 = encoding === 'base64';
  return { model, texts: texts as string[], dimensions: Number(dimensions), asBase64 };
}
