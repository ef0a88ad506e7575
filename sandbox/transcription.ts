/**
 * `POST …/v1/audio/transcriptions`: of a WAV that the sandbox spoke itself, the very words; of any
 * other sound some words that follow from its bytes.
 */
import { hash } from 'node:crypto';
import { invalidRequest } from './api-error.js';
import { type Parsed } from './job.js';
import { type Personality } from './personalities.js';
import { proseAbout } from './prose.js';
import { seedOf } from './random.js';
import { decodeWav } from './wav.js';

/** Of a sound whose header is not read here, as an MP3 of 128 kbit/s. */
const bytesPerSecond = 16_000;

export function parseTranscription(
  { model, file, language, response_format: format = 'json' }: Record<string, unknown>,
  { voice }: Personality,
): Parsed {
  if (typeof model !== 'string' || model.length < 1 || model.length > 256) {
    return { refusal: invalidRequest('You must provide a model parameter.', 'model') };
  }
  if (!Buffer.isBuffer(file) || file.length === 0) {
    return { refusal: invalidRequest("'file' must be a sound.", 'file') };
  }
  if (format !== 'json' && format !== 'verbose_json') {
    const message = "'response_format' must be 'json' or 'verbose_json'.";
    return { refusal: invalidRequest(message, 'response_format') };
  }
  const wav = decodeWav(file);
  const duration = wav ? wav.seconds : file.length / bytesPerSecond;
  const heard = () => proseAbout('a sound', voice, seedOf(hash('sha256', file, 'hex')));
  return {
    model,
    job: {
      status: 200,
      isPaid: true,
      work: null,
      answer() {
        const text = wav?.text ?? heard();
        const usage = { seconds: Math.ceil(duration) };
        if (format === 'json') return { usage, body: { text, usage } };
        const spoken = typeof language === 'string' ? language : 'english';
        const segments = segmentsOf(text, duration);
        const task = 'transcribe';
        return { usage, body: { task, language: spoken, duration, text, segments, usage } };
      },
    },
  };
}

/** Sentence by sentence, each as long as its share of the letters. */
function segmentsOf(text: string, duration: number) {
  const sentences = text.match(/[^.!?\n]+[.!?\n]*/g) ?? [text];
  const letters = sentences.reduce((sum, sentence) => sum + sentence.length, 0);
  let at = 0;
  return sentences.map((sentence, id) => {
    const start = at;
    at += (sentence.length / letters) * duration;
    return { id, start: rounded(start), end: rounded(at), text: sentence };
  });
}

const rounded = (seconds: number): number => Math.round(seconds * 1_000) / 1_000;
