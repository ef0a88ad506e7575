/**
 * The vectors of an answer, one for each text or picture: in a list of their own, in objects under
 * the usual names, by `index` or by their place, as numbers or as base64 of 32-bit floats.
 */
import type { Usage } from '../contracts/events/execution.js';
import { inputTokensMax } from '../domain/pricing/input-tokens.js';
import { isObject } from './json-object.js';
import type { EmbeddingOutput } from './port.js';

type Fields = Readonly<Record<string, unknown>>;

/** A sentence where they are not as many, or not as long, as they should be. */
export function embeddingsIn(
  answer: unknown,
  { dimensions: asked }: Fields,
  count: number,
): EmbeddingOutput | string {
  const rows = rowsIn(answer);
  if (!rows || rows.length !== count) return 'without a vector for each input';
  const read = rows.map((one, place) => rowOf(one, place));
  const isEach = new Set(read.map(({ index }) => index)).size === count;
  const vectors = read.toSorted((a, b) => a.index - b.index).map(({ vector }) => vector);
  const dimensions = vectors[0]?.length ?? 0;
  const fits = (vector: readonly number[]) =>
    vector.length === dimensions && vector.every(Number.isFinite);
  if (!isEach || dimensions === 0 || !vectors.every(fits))
    return 'with vectors that do not fit together';
  if (typeof asked === 'number' && asked !== dimensions)
    return 'with vectors of another length than was asked for';
  return { modality: 'embedding', embeddings: vectors };
}

/** Of texts and pictures together. */
export const embeddingsAsked = ({ texts, images }: Fields): number =>
  [texts, images].reduce<number>((sum, one) => sum + (Array.isArray(one) ? one.length : 0), 0);

/** Told tokens are believed up to what the input can be; else four bytes are a token. */
export function embeddingUsage(input: Fields, ...told: readonly unknown[]): Usage {
  const most = inputTokensMax(input);
  const tokens = told.find((one) => Number.isSafeInteger(one) && Number(one) > 0);
  const inputTokens = Math.min(Number(tokens ?? Math.ceil(most / 4)), most);
  const images = Array.isArray(input['images']) ? input['images'].length : 0;
  return { inputTokens, ...(images > 0 && { images }) };
}

const LISTS = ['data', 'embeddings', 'embedding', 'vectors', 'vector', 'output', 'outputs'];
const DEPTH_MAX = 3;

/** A list of numbers is one vector. */
function rowsIn(answer: unknown, depth = 0): readonly unknown[] | undefined {
  if (Array.isArray(answer)) {
    const rows = answer as unknown[];
    return typeof rows[0] === 'number' ? [rows] : rows;
  }
  if (!isObject(answer) || depth === DEPTH_MAX) return undefined;
  for (const name of LISTS) {
    const rows = rowsIn(answer[name], depth + 1);
    if (rows) return rows;
  }
  return undefined;
}

const VECTORS = ['embedding', 'vector', 'values', 'embeddings'];

function rowOf(one: unknown, place: number): { index: number; vector: readonly number[] } {
  const { index, ...fields } = isObject(one) ? one : {};
  const own = VECTORS.map((name) => fields[name]).find((value) => value !== undefined);
  const vector = vectorIn(isObject(one) ? own : one);
  return { index: Number.isInteger(index) ? Number(index) : place, vector };
}

const BYTES_PER_NUMBER = 4;

/** Empty for what is none. */
function vectorIn(embedding: unknown): readonly number[] {
  if (Array.isArray(embedding)) return embedding as number[];
  if (typeof embedding !== 'string') return [];
  const bytes = Buffer.from(embedding, 'base64');
  const count = Math.floor(bytes.length / BYTES_PER_NUMBER);
  return Array.from({ length: count }, (_, at) => bytes.readFloatLE(at * BYTES_PER_NUMBER));
}
