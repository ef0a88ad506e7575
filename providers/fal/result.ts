/** What a model at fal returned, and what it used. */
import type { Usage } from '../../contracts/events/execution.js';
import { embeddingUsage } from '../embedded.js';
import { meanings } from '../meanings.js';
import { jobFailed } from '../job-answers.js';
import { isObject } from '../json-call.js';
import type { JobOutcome, ProviderOutput } from '../port.js';
import { producedIn, type Reading } from '../produced.js';
import { tokensUsed } from '../text/tokens.js';
import { transcriptionUsage } from '../transcribed.js';

type Fields = Readonly<Record<string, unknown>>;

export function resultOf(payload: Fields, reading: Reading, metrics: unknown): JobOutcome {
  const { modality, input } = reading;
  const shown = withoutBlocked(payload);
  if (shown === 'all_blocked') return jobFailed(meanings.rejected, 'every image was blocked');
  const output = producedIn(reading, shown);
  if (!output) return jobFailed(meanings.unusable, `the job succeeded without ${modality}`);
  return { kind: 'succeeded', output, usage: usageOf(output, input, payload, metrics) };
}

/** A checker blackens what it flags, and says which: `has_nsfw_concepts`, one for each image. */
function withoutBlocked(payload: Fields): Fields | 'all_blocked' {
  const { images, has_nsfw_concepts: flags } = payload;
  if (!Array.isArray(images) || !Array.isArray(flags) || images.length === 0) return payload;
  const kept = (images as unknown[]).filter((_, at) => flags[at] !== true);
  return kept.length === 0 ? 'all_blocked' : { ...payload, images: kept };
}

function usageOf(output: ProviderOutput, input: Fields, payload: Fields, metrics: unknown): Usage {
  const inferenceS = numberIn(metrics, 'inference_time');
  switch (output.modality) {
    case 'image':
      return { images: output.images.length };
    case 'video': {
      const seconds =
        numberIn(payload['video'], 'duration') ?? numberIn(input, 'duration_s') ?? inferenceS;
      return seconds === undefined ? {} : { seconds };
    }
    case 'audio': {
      const { text } = input;
      const seconds = numberIn(payload['audio'], 'duration') ?? inferenceS;
      return {
        ...(typeof text === 'string' && { characters: [...text].length }),
        ...(seconds !== undefined && { seconds }),
      };
    }
    case 'text': {
      const told = payload['usage'];
      const tokens = {
        input: numberIn(told, 'prompt_tokens'),
        output: numberIn(told, 'completion_tokens'),
      };
      return tokensUsed(tokens, input, Buffer.byteLength(output.text));
    }
    case 'transcription':
      return transcriptionUsage(output);
    case 'embedding':
      return embeddingUsage(input, numberIn(payload['usage'], 'prompt_tokens'));
  }
}

function numberIn(value: unknown, name: string): number | undefined {
  const number = isObject(value) ? value[name] : undefined;
  return typeof number === 'number' && number >= 0 ? number : undefined;
}
