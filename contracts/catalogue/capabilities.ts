/**
 * What a route can do of what its model's input schema allows, and what it promises about the data.
 * What is absent is as the schema allows, or not promised. Written here as in the catalogue file.
 */
import { closed, integer, text, type Part } from './schema-parts.js';

export interface Capabilities {
  /** `tools`, and messages that call a tool or answer a call. */
  readonly tools?: boolean;
  /** Kinds of `response_format` besides text. */
  readonly structured_output?: readonly ('json' | 'json_schema')[];
  readonly image_input?: boolean;
  readonly audio_input?: boolean;
  readonly file_input?: boolean;
  readonly reasoning_efforts?: readonly string[];
  readonly max_tokens?: number;
  /** Input, at four bytes a token, and `max_tokens` together. */
  readonly context_tokens?: number;
  readonly max_stops?: number;
  /** `<width>x<height>` in pixels. */
  readonly sizes?: readonly string[];
  readonly aspect_ratios?: readonly string[];
  /** Width × height. */
  readonly max_pixels?: number;
  readonly formats?: readonly string[];
  readonly max_images?: number;
  readonly max_input_images?: number;
  readonly voices?: readonly string[];
  readonly languages?: readonly string[];
  readonly durations_s?: readonly number[];
  readonly max_duration_s?: number;
  readonly frame_rates?: readonly number[];
  readonly max_characters?: number;
  readonly max_texts?: number;
  readonly dimensions?: readonly number[];
  /** Fields of the input that the provider does not know. */
  readonly without?: readonly string[];
}

/** What is done with what is sent there. */
export interface Promises {
  /** Where it is worked on; `eu-west` is in `eu`. */
  readonly region?: string;
  /** Nothing is kept. */
  readonly retention?: 'none';
  /** Nothing is learned from it. */
  readonly training?: 'never';
}

const flag: Part = { type: 'boolean', description: 'true or false' };
const words = (description: string): Part => ({
  type: 'array',
  items: text(127, 'a word'),
  maxItems: 256,
  uniqueItems: true,
  description,
});
const wordsLike = (pattern: string, description: string): Part => ({
  ...words(description),
  items: { type: 'string', pattern, description },
});
const numbers = (description: string): Part => ({
  type: 'array',
  items: { type: 'number', minimum: 0, description },
  minItems: 1,
  maxItems: 256,
  uniqueItems: true,
  description,
});

const capabilityParts: Readonly<Record<keyof Capabilities, Part>> = {
  tools: flag,
  structured_output: {
    ...words('json and json_schema, or one of them, or none'),
    items: { enum: ['json', 'json_schema'], description: 'json or json_schema' },
  },
  image_input: flag,
  audio_input: flag,
  file_input: flag,
  reasoning_efforts: words('words of reasoning_effort'),
  max_tokens: integer(1, 100_000_000, 'tokens'),
  context_tokens: integer(1, 100_000_000, 'tokens'),
  max_stops: integer(0, 1_000, 'texts'),
  sizes: wordsLike('^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$', 'sizes in pixels, such as 1024x768'),
  aspect_ratios: wordsLike('^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$', 'ratios, such as 16:9'),
  max_pixels: integer(1, 1_000_000_000, 'pixels'),
  formats: words('words of format'),
  max_images: integer(1, 1_000, 'images'),
  max_input_images: integer(0, 1_000, 'images'),
  voices: words('words of voice'),
  languages: words('words of language'),
  durations_s: numbers('seconds'),
  max_duration_s: { type: 'number', exclusiveMinimum: 0, maximum: 86_400, description: 'seconds' },
  frame_rates: numbers('frames a second'),
  max_characters: integer(1, 100_000_000, 'characters'),
  max_texts: integer(1, 2_048, 'texts'),
  dimensions: numbers('dimensions'),
  without: words('names of fields of the input'),
};

export const capabilitiesSchema: Part = {
  ...closed(capabilityParts, []),
  description: 'what the route can do, such as {tools: false, max_tokens: 8192}',
};

export const REGION_PATTERN = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';

export const promisesSchema: Part = {
  ...closed(
    {
      region: {
        type: 'string',
        pattern: REGION_PATTERN,
        maxLength: 63,
        description: 'a region in lower case, such as eu or eu-west',
      },
      retention: { enum: ['none'], description: 'none, or nothing is promised' },
      training: { enum: ['never'], description: 'never, or nothing is promised' },
    },
    [],
  ),
  description: 'what is promised about the data, such as {region: eu, retention: none}',
};
