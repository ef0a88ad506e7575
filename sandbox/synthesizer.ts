/**
 * A voice out of two formants: vowels are a buzz through two resonators, consonants a short noise,
 * blanks and stops a pause. What it says is hardly understood, but heard, and never twice alike.
 */
import { hash } from 'node:crypto';
import { seededRandom, seedOf, type Random } from './random.js';
import { SAMPLES_PER_SECOND } from './wav.js';

/** First and second formant in Hz. */
const VOWELS: Readonly<Record<string, readonly [number, number]>> = {
  a: [730, 1_090],
  e: [530, 1_840],
  i: [300, 2_290],
  o: [570, 840],
  u: [320, 900],
  y: [300, 1_750],
};

const VOWEL_MS = 95;
const CONSONANT_MS = 45;
const BLANK_MS = 70;
const STOP_MS = 240;
/** Letters between two turns of the event loop. */
const LETTERS_PER_TURN = 200;

/** Samples of 16 bits, little endian. `voice` chooses the pitch; the same words sound the same. */
export async function speak(text: string, voice: string, speed: number): Promise<Buffer> {
  const random = seededRandom(seedOf(hash('sha256', `${voice}\n${text}`, 'hex')));
  const pitchHz = 95 + (seedOf(voice) % 110);
  const pieces: Buffer[] = [];
  const letters = [...text.normalize('NFD').toLowerCase()];
  for (const [index, letter] of letters.entries()) {
    pieces.push(soundOf(letter, pitchHz * (0.94 + random() * 0.12), speed, random));
    if (index % LETTERS_PER_TURN === LETTERS_PER_TURN - 1)
      await new Promise((resolve) => setImmediate(resolve));
  }
  return Buffer.concat(pieces);
}

function soundOf(letter: string, pitchHz: number, speed: number, random: Random): Buffer {
  const formants = VOWELS[letter];
  if (formants) return vowel(formants, pitchHz, samplesIn(VOWEL_MS, speed));
  if (/\p{L}|\p{N}/u.test(letter)) return noise(samplesIn(CONSONANT_MS, speed), random);
  if (/[.!?;:]/.test(letter)) return Buffer.alloc(samplesIn(STOP_MS, speed) * 2);
  return Buffer.alloc(/\s/.test(letter) ? samplesIn(BLANK_MS, speed) * 2 : 0);
}

const samplesIn = (ms: number, speed: number): number =>
  Math.round((SAMPLES_PER_SECOND * ms) / 1_000 / speed);

function vowel(formants: readonly [number, number], pitchHz: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * 2);
  const [first, second] = formants.map((hz) => resonator(hz));
  const period = Math.round(SAMPLES_PER_SECOND / pitchHz);
  for (let at = 0; at < count; at++) {
    const pulse = at % period === 0 ? 1 : 0;
    const sound = (first?.(pulse) ?? 0) + 0.5 * (second?.(pulse) ?? 0);
    bytes.writeInt16LE(sampleOf(sound * fade(at, count) * 2_000), at * 2);
  }
  return bytes;
}

const BANDWIDTH_HZ = 90;

/** A filter of two poles. */
function resonator(hz: number): (input: number) => number {
  const radius = Math.exp((-Math.PI * BANDWIDTH_HZ) / SAMPLES_PER_SECOND);
  const turn = 2 * radius * Math.cos((2 * Math.PI * hz) / SAMPLES_PER_SECOND);
  let [before, earlier] = [0, 0];
  return (input) => {
    const output = input + turn * before - radius * radius * earlier;
    [before, earlier] = [output, before];
    return output;
  };
}

function noise(count: number, random: Random): Buffer {
  const bytes = Buffer.alloc(count * 2);
  for (let at = 0; at < count; at++)
    bytes.writeInt16LE(sampleOf((random() - 0.5) * fade(at, count) * 6_000), at * 2);
  return bytes;
}

/** In and out over a fifth of the sound, so that nothing clicks. */
const fade = (at: number, count: number): number =>
  Math.min(1, (at / count) * 5, ((count - at) / count) * 5);

const sampleOf = (value: number): number => Math.max(-32_768, Math.min(32_767, Math.round(value)));
