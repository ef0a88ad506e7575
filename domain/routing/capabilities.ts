/**
 * Whether a route can do what an input asks for: one rule for each capability that a route may
 * declare. The input has its defaults (domain/pricing/defaults.ts): it is what will be sent.
 */
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { BYTES_PER_TOKEN, inputTokensMax } from '../pricing/input-tokens.js';

type Input = Readonly<Record<string, unknown>>;

/** A wish of the input that a route cannot fulfil. */
export interface Lack {
  /** As callers read it: `input.…`. */
  readonly field: string;
  /** What it could have asked for; absent where the field is not supported at all. */
  readonly allowed?: number | readonly (string | number)[];
  /** Of what a number allows so many. */
  readonly unit?: string;
}

/** Nothing where the route can do it all. */
export function lacksOf(capabilities: Capabilities, input: Input): readonly Lack[] {
  const lacks: Lack[] = [];
  for (const name of Object.keys(capabilities) as (keyof Capabilities)[]) {
    const lack = lackOf(name, capabilities, input);
    if (lack) lacks.push(lack);
  }
  return lacks;
}

/** The first field that it cannot do. */
export function firstLack(capabilities: Capabilities, input: Input): string | undefined {
  for (const name in capabilities) {
    const lack = lackOf(name as keyof Capabilities, capabilities, input);
    if (lack) return lack.field;
  }
  return undefined;
}

/**
 * What the caller is told when no route can do it all, from what each of them lacks: the fields of
 * the one that lacks the least, and for each the most that any of them allows.
 */
export function unsupportedWishes(lacking: readonly (readonly Lack[])[]): ErrorDetail[] {
  const least = lacking.toSorted((a, b) => a.length - b.length)[0] ?? [];
  const all = lacking.flat();
  const fields = [...new Set(least.map(({ field }) => field))];
  return fields.map((field) => ({
    field,
    code: 'unsupported',
    message: wordsFor(all.filter((lack) => lack.field === field)),
  }));
}

type Rule<C extends keyof Capabilities> = (
  declared: NonNullable<Capabilities[C]>,
  input: Input,
) => Lack | undefined;

function lackOf<C extends keyof Capabilities>(
  name: C,
  capabilities: Capabilities,
  input: Input,
): Lack | undefined {
  const declared = capabilities[name];
  if (declared === undefined) return undefined;
  const rule = rules[name] as Rule<C>;
  return rule(declared, input);
}

const oneOf =
  (field: string) =>
  (allowed: readonly (string | number)[], input: Input): Lack | undefined => {
    const value = input[field] as string | number | undefined;
    return value === undefined || allowed.includes(value)
      ? undefined
      : { field: `input.${field}`, allowed };
  };

const atMost =
  (field: string) =>
  (allowed: number, input: Input): Lack | undefined => {
    const value = input[field];
    return typeof value === 'number' && value > allowed
      ? { field: `input.${field}`, allowed }
      : undefined;
  };

const isSupported =
  (wished: (input: Input) => string | undefined) =>
  (declared: boolean, input: Input): Lack | undefined => {
    const field = declared ? undefined : wished(input);
    return field === undefined ? undefined : { field };
  };

const rules: { readonly [C in keyof Capabilities]-?: Rule<C> } = {
  tools: isSupported(toolsIn),
  structured_output(kinds, { response_format: format }) {
    const kind = typeof format === 'object' && format !== null ? (format as Input)['type'] : format;
    if (kind === undefined || kind === 'text' || kinds.some((one) => one === kind))
      return undefined;
    return { field: 'input.response_format', allowed: ['text', ...kinds] };
  },
  image_input: isSupported((input) => imagesIn(input)[0]),
  audio_input: isSupported((input) => partsIn(input, 'audio')[0]),
  file_input: isSupported((input) => partsIn(input, 'file')[0]),
  reasoning_efforts: oneOf('reasoning_effort'),
  max_tokens: atMost('max_tokens'),
  context_tokens(allowed, input) {
    const asked = typeof input['max_tokens'] === 'number' ? input['max_tokens'] : 0;
    if (Math.ceil(inputTokensMax(input) / BYTES_PER_TOKEN) + asked <= allowed) return undefined;
    const field = input['messages'] === undefined ? 'input.prompt' : 'input.messages';
    return { field, allowed, unit: 'tokens together with max_tokens' };
  },
  max_stops: (allowed, { stop }) =>
    (Array.isArray(stop) ? stop.length : stop === undefined ? 0 : 1) > allowed
      ? { field: 'input.stop', allowed, unit: 'texts' }
      : undefined,
  sizes: (allowed, { width, height }) =>
    typeof width === 'number' &&
    typeof height === 'number' &&
    !allowed.includes(sizeOf(width, height))
      ? { field: 'input.width', allowed }
      : undefined,
  aspect_ratios: oneOf('aspect_ratio'),
  max_pixels: (allowed, { width, height }) =>
    typeof width === 'number' && typeof height === 'number' && width * height > allowed
      ? { field: 'input.width', allowed, unit: 'pixels together with height' }
      : undefined,
  formats: oneOf('format'),
  max_images: atMost('num_images'),
  max_input_images(allowed, input) {
    const named = imagesIn(input);
    const field = named[allowed];
    return field === undefined ? undefined : { field, allowed, unit: 'images in all' };
  },
  voices: oneOf('voice'),
  languages: oneOf('language'),
  durations_s: oneOf('duration_s'),
  max_duration_s: atMost('duration_s'),
  frame_rates: oneOf('fps'),
  max_characters: (allowed, { text }) =>
    typeof text === 'string' && text.length > allowed && [...text].length > allowed
      ? { field: 'input.text', allowed, unit: 'characters' }
      : undefined,
  max_texts: (allowed, { texts }) =>
    Array.isArray(texts) && texts.length > allowed
      ? { field: 'input.texts', allowed, unit: 'items' }
      : undefined,
  dimensions: oneOf('dimensions'),
  without(fields, input) {
    const field = fields.find((name) => input[name] !== undefined);
    return field === undefined ? undefined : { field: `input.${field}` };
  },
};

const sizeOf = (width: number, height: number): string => `${width}x${height}`;

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function toolsIn({ tools, messages }: Input): string | undefined {
  if (listIn(tools).length > 0) return 'input.tools';
  const index = listIn(messages).findIndex((message) => {
    const { role, tool_calls: calls } = message as Input;
    return role === 'tool' || listIn(calls).length > 0;
  });
  return index < 0 ? undefined : `input.messages[${index}]`;
}

/** The fields that name images, those of the top level first. */
function imagesIn(input: Input): readonly string[] {
  const { image, images, mask } = input;
  return [
    ...(image === undefined ? [] : ['input.image']),
    ...listIn(images).map((_, index) => `input.images[${index}]`),
    ...(mask === undefined ? [] : ['input.mask']),
    ...partsIn(input, 'image'),
  ];
}

/** Parts of that type in messages. */
function partsIn({ messages }: Input, type: string): readonly string[] {
  return listIn(messages).flatMap((message, index) =>
    listIn((message as Input)['content']).flatMap((part, at) =>
      (part as Input)['type'] === type ? [`input.messages[${index}].content[${at}]`] : [],
    ),
  );
}

/** Of one field: the most that any of them allows. */
function wordsFor(lacks: readonly Lack[]): string {
  const numbers = lacks.flatMap(({ allowed }) => (typeof allowed === 'number' ? allowed : []));
  const words = lacks.flatMap(({ allowed }) => (typeof allowed === 'object' ? allowed : []));
  const unit = lacks.find((lack) => lack.unit !== undefined)?.unit;
  if (numbers.length > 0) {
    const most = Math.max(...numbers);
    return unit === undefined ? `must be at most ${most}` : `must have at most ${most} ${unit}`;
  }
  if (words.length === 0) return 'is not supported by this model';
  return `must be one of ${[...new Set(words)].join(', ')}`;
}
