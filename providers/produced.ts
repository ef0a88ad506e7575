/**
 * Canonical output out of what a model of a hosting provider returned. Such a provider runs models
 * of many authors, and each names its output as it likes: a URL, a list of URLs, objects with
 * `url`, pieces of text, segments, vectors. So what is looked for is what the modality can be,
 * under the usual names first.
 */
import { LIST_ITEMS_MAX } from '../contracts/events/schema-parts.js';
import { embeddingsAsked, embeddingsIn } from './embedded.js';
import type { PolledJob, ProducedFile, ProviderCall, ProviderOutput } from './port.js';
import { transcriptionIn } from './transcribed.js';

type Fields = Readonly<Record<string, unknown>>;

/** By what an output is read. */
export type Reading = Pick<PolledJob, 'modality' | 'input' | 'heardMs'>;

/** How long the sound of a call is that is transcribed, where its bytes tell it. */
export function heardIn({ modality, files }: Pick<ProviderCall, 'modality' | 'files'>) {
  if (modality !== 'transcription' || !files || files.size === 0) return {};
  const lengths = [...files.values()].map(({ durationMs }) => durationMs);
  if (lengths.includes(undefined)) return {};
  return { heardMs: lengths.reduce<number>((sum, ms) => sum + (ms ?? 0), 0) };
}

/** What of a model's output is of the modality; undefined where nothing is. */
export function producedIn(
  { modality, input, heardMs }: Reading,
  value: unknown,
): ProviderOutput | undefined {
  switch (modality) {
    case 'image': {
      const images = filesIn(value, usual.image).slice(0, imagesAsked(input));
      return images.length > 0 ? { modality, images } : undefined;
    }
    case 'audio': {
      const [audio] = filesIn(value, usual.audio);
      return audio && { modality, audio };
    }
    case 'video': {
      const [video] = filesIn(value, usual.video);
      return video && { modality, video };
    }
    case 'text': {
      const text = textIn(value);
      // An empty one never looks finished.
      return text === undefined
        ? undefined
        : { modality, text, finishReason: text === '' ? 'other' : 'stop' };
    }
    case 'transcription':
      return transcriptionIn(value, input, heardMs);
    case 'embedding': {
      const output = embeddingsIn(value, input, embeddingsAsked(input));
      return typeof output === 'string' ? undefined : output;
    }
  }
}

export function imagesAsked({ num_images: asked }: Fields): number {
  return Number.isSafeInteger(asked) && Number(asked) > 0
    ? Math.min(Number(asked), LIST_ITEMS_MAX)
    : 1;
}

/** Under these names the output comes before anything else that has a URL, such as a preview. */
const usual = {
  image: ['images', 'image', 'output', 'outputs'],
  audio: ['audio', 'audio_file', 'audio_url', 'audio_out', 'output'],
  video: ['video', 'videos', 'video_url', 'output'],
} as const;

const DEPTH_MAX = 4;

function filesIn(value: unknown, names: readonly string[], depth = 0): ProducedFile[] {
  if (typeof value === 'string') return isFileUrl(value) ? [{ url: value }] : [];
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return [];
  if (Array.isArray(value))
    return (value as unknown[])
      .slice(0, LIST_ITEMS_MAX)
      .flatMap((one) => filesIn(one, names, depth + 1));
  const fields = value as Fields;
  if (typeof fields['url'] === 'string') return filesIn(fields['url'], names, depth + 1);
  for (const name of names) {
    const found = filesIn(fields[name], names, depth + 1);
    if (found.length > 0) return found;
  }
  return Object.values(fields).flatMap((one) => filesIn(one, names, depth + 1));
}

const isFileUrl = (text: string): boolean =>
  /^data:[a-z]+\/[\w.+-]+[;,]/i.test(text) || (/^https?:\/\//i.test(text) && URL.canParse(text));

/** Models that write piece by piece return the list of their pieces. */
function textIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    const pieces = value as unknown[];
    return pieces.every((piece) => typeof piece === 'string') ? pieces.join('') : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const name of ['output', 'text', 'generated_text', 'response', 'content']) {
    const found = textIn((value as Fields)[name]);
    if (found !== undefined) return found;
  }
  return undefined;
}
