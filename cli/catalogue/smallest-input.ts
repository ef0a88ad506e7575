/** The smallest input that a model's schema seems to allow, with a file where one is required. */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { Modality } from '../../contracts/events/execution.js';
import type { InputFile, ProviderCall } from '../../providers/port.js';
import { silence, whitePicture } from './small-files.js';

type Schema = Readonly<Record<string, unknown>>;

interface Smallest {
  readonly input: ProviderCall['input'];
  readonly files: ReadonlyMap<string, InputFile>;
}

/** Canonical fields and cheap values for them, where a model has the field. */
const cheap: Readonly<Record<Modality, Readonly<Record<string, unknown>>>> = {
  text: { prompt: 'Say: hello', max_tokens: 16 },
  image: { prompt: 'a red circle', num_images: 1 },
  audio: { text: 'Hello.' },
  transcription: {},
  embedding: { texts: ['hello'] },
  video: { prompt: 'a red circle' },
};

/** What costs more the more of it there is. */
const sizes = new Set(['width', 'height', 'duration_s', 'max_tokens', 'fps', 'num_images']);

export function smallestInput({ inputSchema, modality }: Model): Smallest {
  const properties = (inputSchema['properties'] ?? {}) as Readonly<Record<string, Schema>>;
  const required = namesIn(inputSchema);
  const input: Record<string, unknown> = {};
  const files = new Map<string, InputFile>();
  for (const [name, schema] of Object.entries(properties)) {
    const wanted = cheap[modality][name];
    const isAsked = required.has(name) || wanted !== undefined || sizes.has(name);
    if (!isAsked || (name === 'messages' && 'prompt' in properties)) continue;
    const value = valueFor(name, schema, wanted, files);
    if (value !== undefined) input[name] = value;
  }
  return { input, files };
}

/** Of a choice between fields, the first. */
function namesIn(schema: Schema): ReadonlySet<string> {
  const choices = [schema['oneOf'], schema['anyOf']].flatMap((branches) =>
    Array.isArray(branches) ? [branches[0] as Schema] : [],
  );
  const lists = [schema, ...choices].map(({ required }) => required);
  return new Set(lists.filter(Array.isArray).flat() as string[]);
}

function valueFor(
  name: string,
  schema: Schema,
  wanted: unknown,
  files: Map<string, InputFile>,
): unknown {
  const { format, enum: choices, default: preset, minimum, maximum, items } = schema;
  if (format === 'file-id') return fileFor(name, files);
  if (schema['type'] === 'array' && name !== 'texts') {
    if (name === 'messages') return [{ role: 'user', content: 'Say: hello' }];
    const item = valueFor(name, (items ?? {}) as Schema, undefined, files);
    return item === undefined ? undefined : [item];
  }
  if (typeof wanted === 'number' && name === 'max_tokens')
    return Math.max(wanted, Number(minimum ?? 0));
  if (wanted !== undefined) return wanted;
  if (Array.isArray(choices)) return sizes.has(name) ? least(choices) : (preset ?? choices[0]);
  // A size between bounds may be one that no provider knows: what is preset is sure to be known.
  return preset ?? minimum ?? (typeof maximum === 'number' ? maximum : textFor(schema));
}

const least = (choices: readonly unknown[]): unknown =>
  choices.every((one) => typeof one === 'number') ? Math.min(...choices) : choices[0];

const textFor = ({ type }: Schema): unknown =>
  type === 'string' ? 'hello' : type === 'boolean' ? false : undefined;

function fileFor(name: string, files: Map<string, InputFile>): string {
  const id = `file_00000000-0000-4000-8000-${String(files.size).padStart(12, '0')}`;
  files.set(id, name.includes('audio') ? silence : whitePicture);
  return id;
}
