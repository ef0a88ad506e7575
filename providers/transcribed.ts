/**
 * What a transcription heard, in the shapes that Whisper's many servers answer in: a text, with
 * `segments` {start, end, text} or `chunks` {timestamp: [start, end], text}, in seconds; the text
 * may be called otherwise, be the sum of its segments, or come in pieces.
 */
import type { Usage } from '../contracts/events/execution.js';
import { isObject } from './json-object.js';
import { languageCode } from './languages.js';
import type { Segment, TranscriptionOutput } from './port.js';
import { storableText } from './text/storable.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * `measuredMs`: how long the sound is by its own word; the provider's is for what no header tells.
 * Undefined where nothing of it is a text.
 */
export function transcriptionIn(
  answer: unknown,
  { language: asked }: Fields,
  measuredMs: number | undefined,
): TranscriptionOutput | undefined {
  const fields = isObject(answer) ? answer : {};
  const segments = segmentsIn(fields['segments'] ?? fields['chunks']);
  const text = textIn(answer) ?? joined(segments);
  if (text === undefined) return undefined;
  const durationMs = measuredMs ?? toldMs(fields) ?? segments.at(-1)?.endMs;
  const language = languageIn(fields) ?? (typeof asked === 'string' ? asked : undefined);
  return {
    modality: 'transcription',
    text: storableText(text).trim(),
    segments,
    ...(language !== undefined && { language }),
    ...(durationMs !== undefined && { durationMs }),
  };
}

export const transcriptionUsage = ({ durationMs }: TranscriptionOutput): Usage =>
  durationMs === undefined ? {} : { seconds: durationMs / 1_000 };

const TEXTS = ['text', 'transcription', 'transcript', 'output', 'results'];

function textIn(answer: unknown): string | undefined {
  if (typeof answer === 'string') return answer;
  if (Array.isArray(answer)) {
    const pieces = answer as unknown[];
    return pieces.length > 0 && pieces.every((one) => typeof one === 'string')
      ? pieces.join('')
      : undefined;
  }
  if (!isObject(answer)) return undefined;
  for (const name of TEXTS) {
    const found = textIn(answer[name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

const joined = (segments: readonly Segment[]): string | undefined =>
  segments.length === 0 ? undefined : segments.map(({ text }) => text).join(' ');

/** Some know several languages in one sound: the first is the one that is most spoken. */
function languageIn(fields: Fields): string | undefined {
  const { language, detected_language: detected, language_code: code } = fields;
  const listed = [fields['languages'], fields['inferred_languages']].flat();
  return [language, detected, code, ...listed]
    .map((one) => languageCode(one))
    .find((known) => known !== undefined);
}

function toldMs({ duration, usage }: Fields): number | undefined {
  const { seconds } = isObject(usage) ? usage : {};
  const told = [duration, seconds].map(Number).find((one) => Number.isFinite(one) && one > 0);
  return told === undefined ? undefined : Math.round(told * 1_000);
}

function segmentsIn(given: unknown): Segment[] {
  if (!Array.isArray(given)) return [];
  return (given as unknown[]).flatMap((one) => {
    const { start, end, text, timestamp } = isObject(one) ? one : {};
    const [from, to] = Array.isArray(timestamp) ? (timestamp as unknown[]) : [start, end];
    // The end of the last one may be open.
    const [fromS, toS] = [secondsOf(from), secondsOf(to ?? from)];
    if (!(fromS >= 0 && toS >= fromS) || typeof text !== 'string') return [];
    const ms = { startMs: Math.round(fromS * 1_000), endMs: Math.round(toS * 1_000) };
    return [{ ...ms, text: storableText(text).trim() }];
  });
}

const secondsOf = (value: unknown): number =>
  typeof value === 'number' || typeof value === 'string' ? Number(value) : NaN;
