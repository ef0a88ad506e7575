/** `POST …/v1/audio/speech`: a text is spoken, and the answer is the sound itself. */
import { type ApiError, contentPolicyViolation, invalidRequest } from './api-error.js';
import { type Parsed } from './job.js';
import { type Personality } from './personalities.js';
import { speak } from './synthesizer.js';
import { encodeWav } from './wav.js';

const textCharsMax = 4_096;

interface SpeechRequest {
  readonly model: string;
  readonly text: string;
  readonly voice: string;
  readonly format: 'wav' | 'pcm';
  readonly speed: number;
}

export function parseSpeech(body: Record<string, unknown>, personality: Personality): Parsed {
  const request = requestOf(body);
  if ('status' in request) return { refusal: request };
  const { model, text, voice, format, speed } = request;
  if (text.includes('[[moderation]]')) return { refusal: contentPolicyViolation };
  let samples: Buffer = Buffer.alloc(0);
  return {
    model,
    job: {
      status: 200,
      isPaid: true,
      async work() {
        samples = await speak(text, `${personality.name}/${voice}`, speed);
      },
      answer: () => ({
        body: {},
        usage: {},
        bytes:
          format === 'wav'
            ? { contentType: 'audio/wav', content: encodeWav(samples, text) }
            : { contentType: 'audio/pcm', content: samples },
      }),
    },
  };
}

function requestOf(body: Record<string, unknown>): SpeechRequest | ApiError {
  const { model, input: text, voice, response_format: format = 'wav', speed = 1 } = body;
  if (typeof model !== 'string' || model.length < 1 || model.length > 256) {
    return invalidRequest('You must provide a model parameter.', 'model');
  }
  if (typeof text !== 'string' || text.trim() === '' || text.length > textCharsMax) {
    return invalidRequest(`'input' must be a text of 1 to ${textCharsMax} characters.`, 'input');
  }
  if (typeof voice !== 'string' || voice === '' || voice.length > 64) {
    return invalidRequest("'voice' must be the name of a voice.", 'voice');
  }
  if (format !== 'wav' && format !== 'pcm') {
    return invalidRequest("'response_format' must be 'wav' or 'pcm'.", 'response_format');
  }
  if (typeof speed !== 'number' || !(speed >= 0.25 && speed <= 4)) {
    return invalidRequest("'speed' must be a number from 0.25 to 4.", 'speed');
  }
  return { model, text, voice, format, speed };
}
