/**
 * OpenAI transcriptions: a sound goes as a form, its words come back. `verbose_json` is asked for,
 * which has language, duration and segments; OpenAI's own newer models know only `json`. Whatever
 * else the model's schema allows (`prompt`, `temperature` …) goes through by its own name.
 */
import { apiPath } from '../api-path.js';
import { fileMissing, filesNamed } from '../files-named.js';
import { unusable } from '../failures.js';
import { mappedInput } from '../input-map.js';
import { callBytes, isObject, type Bytes } from '../json-call.js';
import { multipartOf, type FormField } from '../multipart.js';
import type { InputFile, ProviderAdapter, ProviderCall, ProviderResult, Segment } from '../port.js';
import type { Wire } from '../vendor.js';
import { openaiDialect } from './failures.js';
import { textFields } from './form.js';
import { languageCode } from './languages.js';

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

export function openaiTranscription(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const [file] = filesNamed(call, call.input['audio']) ?? [];
      if (!file) return fileMissing;
      const read = await callBytes(wire, call, {
        dialect: openaiDialect,
        method: 'POST',
        path: apiPath(call.provider, '/audio/transcriptions'),
        body: await multipartOf(await formOf(call, file)),
        bytesMax: ANSWER_BYTES_MAX,
      });
      return 'outcome' in read ? read.outcome : outcomeOf(read.answer, call, file);
    },
  };
}

async function formOf(call: ProviderCall, file: InputFile): Promise<FormField[]> {
  const { providerModel, input, inputMap, routeRequest } = call;
  const { audio: _audio, timestamps, stream: _stream, ...rest } = input;
  const isVerbose = !/^gpt-/.test(providerModel);
  const granularities = timestamps === 'word' ? ['word', 'segment'] : ['segment'];
  return [
    ...textFields({
      ...(await mappedInput({ input: rest, ...(inputMap && { inputMap }) })),
      model: providerModel,
      response_format: isVerbose ? 'verbose_json' : 'json',
      ...(isVerbose && Boolean(timestamps) && { timestamp_granularities: granularities }),
      ...routeRequest?.add,
    }),
    ['file', file],
  ];
}

/** The file itself says how long it is; the provider's word is for what no header tells. */
function outcomeOf(
  { json, bytes, contentType }: Bytes,
  { input }: ProviderCall,
  { durationMs: measuredMs }: InputFile,
): ProviderResult {
  const answer = json ?? (contentType === 'text/plain' ? { text: bytes.toString('utf8') } : {});
  if (typeof answer['text'] !== 'string') return unusable('HTTP 200 without text');
  const segments = segmentsIn(answer['segments']);
  const durationMs = measuredMs ?? toldMs(answer) ?? segments.at(-1)?.endMs;
  const asked = typeof input['language'] === 'string' ? input['language'] : undefined;
  const language = languageCode(answer['language']) ?? asked;
  return {
    kind: 'succeeded',
    output: {
      modality: 'transcription',
      text: answer['text'].replace(/[\0\ud800-\udfff]/gu, '\ufffd').trim(),
      segments,
      ...(language !== undefined && { language }),
      ...(durationMs !== undefined && { durationMs }),
    },
    usage: durationMs === undefined ? {} : { seconds: durationMs / 1_000 },
  };
}

function toldMs({ duration, usage }: Readonly<Record<string, unknown>>): number | undefined {
  const { seconds } = isObject(usage) ? usage : {};
  const told = [duration, seconds].map(Number).find((one) => Number.isFinite(one) && one > 0);
  return told === undefined ? undefined : Math.round(told * 1_000);
}

function segmentsIn(given: unknown): Segment[] {
  if (!Array.isArray(given)) return [];
  return (given as unknown[]).flatMap((one) => {
    const { start, end, text } = isObject(one) ? one : {};
    const [from, to] = [Number(start), Number(end)];
    if (!(from >= 0 && to >= from) || typeof text !== 'string') return [];
    const ms = { startMs: Math.round(from * 1_000), endMs: Math.round(to * 1_000) };
    return [{ ...ms, text: text.trim() }];
  });
}
