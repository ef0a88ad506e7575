/** The most that an input can use, in the units of prices: what its estimate is made from. */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import { boundIn } from './defaults.js';
import { inputTokensMax } from './input-tokens.js';

type Input = Readonly<Record<string, unknown>>;

/**
 * Of an input with its defaults: it says how much it asks for. `heard` are the seconds of the
 * sounds that it names.
 */
export function usageMax(model: Model, input: Input, heard = 0): Usage {
  const { modality, usageDefault } = model;
  const bound = boundIn(model, input) ?? 0;
  switch (modality) {
    case 'text':
      return { inputTokens: inputTokensMax(input), outputTokens: bound };
    case 'image': {
      // Who asks for none is made one.
      const images = Math.max(bound, 1);
      return {
        images,
        ...pixelsMax(model, input, images),
        ...imageTokens(model, input, images),
      };
    }
    case 'audio':
      return { characters: bound, seconds: usageDefault.seconds ?? speechSecondsMax(input) };
    case 'transcription':
      return { seconds: Math.max(bound, heard) };
    case 'video':
      return { seconds: bound };
    case 'embedding': {
      const { images } = input;
      const count = Array.isArray(images) ? images.length : 0;
      return { inputTokens: inputTokensMax(input), ...(count > 0 && { images: count }) };
    }
  }
}

/** Where the input has no size: `usage_default` says how large one image is. */
function pixelsMax({ usageDefault }: Model, { width, height }: Input, images: number): Usage {
  const each =
    typeof width === 'number' && typeof height === 'number'
      ? width * height
      : (usageDefault.pixels ?? 0);
  return each > 0 ? { pixels: countMax(each * images) } : {};
}

/** Where images are counted in tokens: `usage_default` says how many one image is. */
function imageTokens({ usageDefault }: Model, input: Input, images: number): Usage {
  const { outputTokens } = usageDefault;
  if (outputTokens === undefined) return {};
  return {
    inputTokens: inputTokensMax(input) + TOKENS_PER_IMAGE * imagesIn(input),
    outputTokens: countMax(outputTokens * images),
  };
}

/** Of one to start from. */
const TOKENS_PER_IMAGE = 5_000;

/** Those that the input names. */
const imagesIn = ({ image, images, mask }: Input): number =>
  [image, images, mask].flat().filter((named) => named !== undefined).length;

/** What a model's schema does not bound is beyond every count. */
const countMax = (amount: number): number => Math.min(Math.ceil(amount), Number.MAX_SAFE_INTEGER);

/** Slow speech in bytes of UTF-8; the usual is about fifteen. A syllable of Chinese has three. */
const BYTES_PER_SECOND = 8;
/** A digit is spoken as a word. */
const BYTES_PER_DIGIT = 6;
/** The silence around it. */
const SILENCE_SECONDS = 1;

function speechSecondsMax({ text, speed }: Input): number {
  if (typeof text !== 'string') return 0;
  const pace = typeof speed === 'number' && speed > 0 ? speed : 1;
  let bytes = Buffer.byteLength(text);
  for (const character of text)
    if (character >= '0' && character <= '9') bytes += BYTES_PER_DIGIT - 1;
  return countMax(SILENCE_SECONDS + bytes / BYTES_PER_SECOND / pace);
}
