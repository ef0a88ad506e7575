/** `POST …/v1beta/models/<model>:batchEmbedContents`: vectors of texts, as Gemini asks for them. */
import { invalidRequest } from './api-error.js';
import { parseEmbeddings, vectorOf } from './embeddings.js';
import { type Parsed } from './job.js';

type JsonObject = Readonly<Record<string, unknown>>;

const TEXTS_MAX = 100;

export function parseVectors(model: string, { requests }: JsonObject): Parsed {
  const asked = Array.isArray(requests) ? (requests as JsonObject[]) : [];
  if (asked.length === 0 || asked.length > TEXTS_MAX)
    return { refusal: invalidRequest(`requests must be 1 to ${TEXTS_MAX}.`, null) };
  if (asked.some((one) => one['model'] !== `models/${model}`))
    return { refusal: invalidRequest('requests.model must be that of the path.', null) };
  const texts = asked.map(textOf);
  const dimensions = asked[0]?.['outputDimensionality'];
  const checked = parseEmbeddings({
    model,
    input: texts,
    ...(dimensions !== undefined && { dimensions }),
  });
  if ('refusal' in checked) return checked;
  const length = typeof dimensions === 'number' ? dimensions : DIMENSIONS;
  return {
    model,
    job: {
      ...checked.job,
      answer() {
        const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
        const usage = { promptTokenCount: tokens };
        const embeddings = texts.map((text) => ({ values: [...vectorOf(text, model, length)] }));
        return { usage, body: { embeddings, usageMetadata: usage } };
      },
    },
  };
}

const DIMENSIONS = 3_072;

function textOf({ content }: JsonObject): string {
  const { parts } = (content ?? {}) as { parts?: unknown };
  const all = Array.isArray(parts) ? (parts as JsonObject[]) : [];
  return all.map(({ text }) => (typeof text === 'string' ? text : '')).join('\n');
}
