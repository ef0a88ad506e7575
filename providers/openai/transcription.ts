/**
 * OpenAI transcriptions: a sound goes as a form, its words come back. `verbose_json` is asked for,
 * which has language, duration and segments; OpenAI's own newer models know only `json`. Whatever
 * else the model's schema allows (`prompt`, `temperature` …) goes through by its own name.
 */
import { apiPath } from '../api-path.js';
import { fileMissing, filesNamed } from '../files-named.js';
import { unusable } from '../failures.js';
import { mappedInput } from '../input-map.js';
import { callBytes, type Bytes } from '../json-call.js';
import { multipartOf, type FormField } from '../multipart.js';
import type { InputFile, ProviderAdapter, ProviderCall, ProviderResult } from '../port.js';
import { transcriptionIn, transcriptionUsage } from '../transcribed.js';
import type { Wire } from '../vendor.js';
import { openaiDialect } from './failures.js';
import { textFields } from './form.js';

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
  const isVerbose = !/(^|\/)gpt-/.test(providerModel);
  const granularities = timestamps === 'word' ? ['word', 'segment'] : ['segment'];
  return [
    ...textFields({
      ...(await mappedInput({
        input: rest,
        ...(inputMap && { inputMap }),
        ...(routeRequest && { routeRequest }),
      })),
      model: providerModel,
      response_format: isVerbose ? 'verbose_json' : 'json',
      ...(isVerbose && Boolean(timestamps) && { timestamp_granularities: granularities }),
      ...routeRequest?.add,
    }),
    ['file', file],
  ];
}

function outcomeOf(
  { json, bytes, contentType }: Bytes,
  { input }: ProviderCall,
  { durationMs: measuredMs }: InputFile,
): ProviderResult {
  const text = contentType === 'text/plain' ? bytes.toString('utf8') : undefined;
  const output = transcriptionIn(json ?? text, input, measuredMs);
  if (!output) return unusable('HTTP 200 without text');
  return { kind: 'succeeded', output, usage: transcriptionUsage(output) };
}
