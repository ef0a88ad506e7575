/** What a prediction used, in the units of our prices. */
import type { Usage } from '../../contracts/events/execution.js';
import { embeddingUsage } from '../embedded.js';
import { isObject } from '../json-call.js';
import type { ProviderOutput } from '../port.js';
import { tokensUsed } from '../text/tokens.js';
import { transcriptionUsage } from '../transcribed.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * `metrics` of official models count what they are priced by; others have `predict_time`, seconds
 * of the machine, alone. A video is as long as it was asked to be where nobody says otherwise.
 */
export function usageOf(output: ProviderOutput, input: Fields, metrics: unknown): Usage {
  const told = (...names: string[]): number | undefined =>
    names
      .map((name) => (isObject(metrics) ? metrics[name] : undefined))
      .find((value): value is number => typeof value === 'number' && value >= 0);
  switch (output.modality) {
    case 'image':
      return { images: output.images.length };
    case 'video': {
      const asked = input['duration_s'];
      const length = told('video_output_duration_seconds');
      const seconds = length ?? (typeof asked === 'number' ? asked : told('predict_time'));
      return seconds === undefined ? {} : { seconds };
    }
    case 'audio': {
      const { text } = input;
      const seconds = told('audio_output_duration_seconds', 'predict_time');
      return {
        ...(typeof text === 'string' && { characters: [...text].length }),
        ...(seconds !== undefined && { seconds }),
      };
    }
    case 'text': {
      const tokens = {
        input: told('input_token_count', 'token_input_count'),
        output: told('output_token_count', 'token_output_count'),
      };
      return tokensUsed(tokens, input, Buffer.byteLength(output.text));
    }
    case 'transcription':
      return transcriptionUsage(output);
    case 'embedding':
      return embeddingUsage(input, told('input_token_count', 'token_input_count'));
  }
}
