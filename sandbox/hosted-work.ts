/** What is submitted to vega and lyra: checked as a model would, and made a job. */
import { hash } from 'node:crypto';
import { type ApiError, invalidRequest } from './api-error.js';
import { type Behaviours } from './behaviour.js';
import { falFormat, replicateFormat, type HostFormat, type Submission } from './hosted-formats.js';
import { type HostedJob, type Hosting } from './hosted-jobs.js';
import { fileNameOf, imageRequestOf, specsOf } from './images.js';
import { type Parsed } from './job.js';
import { type Personality } from './personalities.js';
import { proseAbout } from './prose.js';
import { seedOf } from './random.js';
import { wordsOf } from './hosted-words.js';
import { DURATION_MS_MAX, shapes, videoFileName } from './videos.js';

/** Undefined for a personality that hosts nobody's models. */
export function hostFormatOf({ speaks }: Personality): HostFormat | undefined {
  if (speaks === 'replicate') return replicateFormat;
  return speaks === 'fal' ? falFormat : undefined;
}

interface Making {
  readonly desk: {
    readonly hosting: Hosting;
    readonly url: string;
    readonly behaviours: Pick<Behaviours, 'of'>;
  };
  readonly personality: Personality;
  readonly format: HostFormat;
  readonly arrivedMs: number;
}

export function parseHosted(submission: Submission, making: Making): Parsed {
  const { desk, personality, format, arrivedMs } = making;
  const { model, input, callbackUrl } = submission;
  const url = `${desk.url}/${personality.name}`;
  const output = outputOf(submission, personality, url);
  if ('status' in output) return { refusal: output };
  const { jobMs, jobsEnd } = desk.behaviours.of(personality.name);
  const isModerated = String(input['prompt']).includes('[[moderation]]');
  return {
    model,
    job: {
      status: format === replicateFormat ? 201 : 200,
      isPaid: jobsEnd !== 'failed' && !isModerated,
      work: null,
      answer({ digest }) {
        const job: HostedJob = {
          id: idFrom(digest, format),
          personality,
          model,
          input,
          createdMs: arrivedMs,
          doneMs: Date.now() + jobMs,
          ends: isModerated ? 'moderated' : jobsEnd,
          output: output.files,
          ...('made' in output && { made: output.made }),
          callbackUrl,
          isCancelled: false,
        };
        return { body: format.accepted(desk.hosting.make(job), url), usage: {} };
      },
    },
  };
}

function idFrom(digest: string, format: HostFormat): string {
  const hex = hash('sha256', digest, 'hex');
  if (format === replicateFormat)
    return BigInt(`0x${hex.slice(0, 32)}`)
      .toString(36)
      .slice(0, 24);
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const VIDEO_FIELDS = ['prompt', 'duration', 'aspect_ratio', 'fps', 'seed', 'image', 'image_url'];
const SECONDS_DEFAULT = 4;

/** A model refuses what it does not know, so that a wrong translation is found out. */
function outputOf(
  { model, input }: Submission,
  personality: Personality,
  url: string,
): { readonly files: readonly string[]; readonly made?: unknown } | ApiError {
  const words = wordsOf(model, input, personality);
  if (words) return 'status' in words ? words : { files: [], made: words.made };
  const { prompt } = input;
  if (typeof prompt !== 'string' || prompt === '') return unusable('prompt', 'is required');
  if (/image/.test(model)) {
    const { num_outputs: n = 1, ...rest } = input;
    const request = imageRequestOf({ ...rest, n, model });
    if ('status' in request) return request;
    const files = specsOf(request, personality).map(fileNameOf);
    return { files: files.map((file) => `${url}/files/${file}.png`) };
  }
  if (/text/.test(model)) {
    const text = proseAbout(prompt, personality.voice, seedOf(prompt));
    return { files: text.match(/\S+\s*/g) ?? [text] };
  }
  const unknown = Object.keys(input).find((name) => !VIDEO_FIELDS.includes(name));
  if (unknown !== undefined) return unusable(unknown, 'is not an input of this model');
  const { duration = SECONDS_DEFAULT, aspect_ratio: ratio = '16:9' } = input;
  const durationMs = Number(duration) * 1_000;
  if (!(durationMs > 0 && durationMs <= DURATION_MS_MAX))
    return unusable('duration', 'must be more than 0 and at most 10 seconds');
  const shape = shapes[String(ratio)];
  if (!shape) return unusable('aspect_ratio', `must be one of ${Object.keys(shapes).join(', ')}`);
  const named = `${personality.name}\n${model}\n${prompt}\n${JSON.stringify(input['seed'])}`;
  const seed = hash('sha256', named, 'hex').slice(0, 16);
  return { files: [`${url}/files/${videoFileName({ seed, ...shape, durationMs })}`] };
}

const unusable = (field: string, message: string): ApiError => ({
  ...invalidRequest(message, field),
  status: 422,
});
