/** The most that an input can use, in the units of prices: what its estimate is made from. */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import { boundIn } from './defaults.js';
import { inputTokensMax } from './input-tokens.js';

type Input = Readonly<Record<string, unknown>>;

/** Of an input with its defaults: it says how much it asks for. */
export function usageMax(model: Model, input: Input): Usage {
  const { modality, usageDefault } = model;
  const bound = boundIn(model, input) ?? 0;
  switch (modality) {
    case 'text':
      return { inputTokens: inputTokensMax(input), outputTokens: bound };
    case 'image':
      return {
        images: bound,
        ...pixelsMax(model, input, bound),
        ...imageTokens(model, input, bound),
      };
    case 'audio':
      return { characters: bound, seconds: usageDefault.seconds ?? speechSecondsMax(bound, input) };
    case 'transcription':
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
  return each > 0 ? { pixels: each * images } : {};
}

/** Where images are counted in tokens: `usage_default` says how many one image is. */
function imageTokens({ usageDefault }: Model, input: Input, images: number): Usage {
  const { outputTokens } = usageDefault;
  if (outputTokens === undefined) return {};
  return { inputTokens: inputTokensMax(input), outputTokens: outputTokens * images };
}

/** Slow speech; the usual is about fifteen. */
const CHARACTERS_PER_SECOND = 8;

function speechSecondsMax(characters: number, { speed }: Input): number {
  const pace = typeof speed === 'number' && speed > 0 ? speed : 1;
  return Math.ceil(characters / CHARACTERS_PER_SECOND / pace);
}
