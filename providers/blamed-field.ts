/**
 * Whether a provider blames a field that the caller gave, and which one. A parameter that only we
 * added, or that another provider may well take, is not the caller's fault.
 */
import type { ErrorBody } from './error-body.js';

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a canonical input behind a provider's parameter, the likeliest first. */
const behind: Readonly<Record<string, readonly string[]>> = {
  messages: ['messages', 'prompt', 'system'],
  contents: ['messages', 'prompt', 'system'],
  input: ['text', 'texts', 'messages', 'prompt'],
  inputs: ['texts', 'prompt', 'messages'],
  prompt: ['prompt', 'messages'],
  system: ['system', 'messages'],
  system_instruction: ['system', 'messages'],
  max_completion_tokens: ['max_tokens'],
  max_output_tokens: ['max_tokens'],
  max_new_tokens: ['max_tokens'],
  num_predict: ['max_tokens'],
  n: ['num_images'],
  num_outputs: ['num_images'],
  sample_count: ['num_images'],
  size: ['width', 'aspect_ratio'],
  image_size: ['width', 'aspect_ratio'],
  aspect_ratio: ['aspect_ratio', 'width'],
  stop_sequences: ['stop'],
  image: ['image', 'images'],
  image_url: ['image', 'images', 'messages'],
  duration: ['duration_s'],
  seconds: ['duration_s'],
  file: ['audio', 'image'],
  output_dimensionality: ['dimensions'],
};

/** `undefined` where no parameter is named; without a `field` it is none that the caller gave. */
export function blamedField(
  { param, text }: ErrorBody,
  input: Fields,
): { readonly field?: string } | undefined {
  if (param !== undefined) return asField(fieldBehind(param, input));
  for (const [, quoted, snake, first] of text.matchAll(NAMED)) {
    const field = fieldBehind(quoted ?? snake ?? first ?? '', input);
    if (field !== undefined) return { field };
  }
  const field = Object.keys(input).find((name) => isComplainedOf(name, text));
  return field === undefined ? undefined : { field };
}

const asField = (field: string | undefined) => (field === undefined ? {} : { field });

/** A name in quotes, one of several words, or one that a message begins with. */
const NAMED =
  /['"`]([a-z_]{1,40})[\w.[\]]*['"`]|\b([a-z]{1,20}_[a-z_]{1,20})\b|^([a-z_]{1,40})[.\w]*: /gm;

const COMPLAINT =
  ' (must|should|cannot|exceeds|is (too|not|empty|invalid|out|larger|longer|below))';

const isComplainedOf = (name: string, text: string): boolean =>
  /^[a-z_]{1,40}$/.test(name) && new RegExp(`\\b${name}${COMPLAINT}\\b`).test(text);

/** Paths that providers put before the name. */
const PREFIX = /^(body|input|request|parameters|config|generation_?config|options)[.[]/i;

function fieldBehind(param: string, input: Fields): string | undefined {
  const [first = ''] = /[a-z_]+/i.exec(param.replace(PREFIX, '').replace(PREFIX, '')) ?? [];
  const name = first.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const names = Object.hasOwn(behind, name) ? (behind[name] ?? []) : [name];
  return [name, ...names].find((one) => Object.hasOwn(input, one));
}
