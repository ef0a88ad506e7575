/**
 * OpenAI speech: a text is spoken, and the answer is the sound itself. Servers that answer with
 * JSON put it there as base64 or as a URL. `format` becomes `response_format`; whatever else the
 * model's schema allows (`instructions`, `language` …) goes through by its own name.
 */
import { fileTypeFromBuffer } from 'file-type';
import { apiPath } from '../api-path.js';
import { unusable } from '../failures.js';
import { mappedInput } from '../input-map.js';
import { callBytes, type Bytes } from '../json-call.js';
import type { ProducedFile, ProviderAdapter, ProviderCall } from '../port.js';
import type { Wire } from '../vendor.js';
import { openaiDialect } from './failures.js';

/** An hour of uncompressed speech and more. */
const ANSWER_BYTES_MAX = 150 * 1024 * 1024;

export function openaiSpeech(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const read = await callBytes(wire, call, {
        dialect: openaiDialect,
        method: 'POST',
        path: apiPath(call.provider, '/audio/speech'),
        body: await requestOf(call),
        accept: 'audio/*, application/json',
        bytesMax: ANSWER_BYTES_MAX,
      });
      if ('outcome' in read) return read.outcome;
      const audio = await soundIn(read.answer, call.provider.baseUrl);
      if (!audio) return unusable('HTTP 200 without sound');
      const usage = { characters: [...String(call.input['text'])].length };
      return { kind: 'succeeded', output: { modality: 'audio', audio }, usage };
    },
  };
}

async function requestOf({ providerModel, input, inputMap, routeRequest }: ProviderCall) {
  const { text, format, stream_format: _stream, ...rest } = input;
  return {
    ...(await mappedInput({
      input: rest,
      ...(inputMap && { inputMap }),
      ...(routeRequest && { routeRequest }),
    })),
    model: providerModel,
    input: text,
    ...(format !== undefined && { response_format: format }),
    ...routeRequest?.add,
  };
}

/** Undefined for what is no sound, such as a page. */
async function soundIn(answer: Bytes, baseUrl: string): Promise<ProducedFile | undefined> {
  const { json, bytes, contentType } = answer;
  if (json) return soundInJson(json, baseUrl);
  if (bytes.length === 0) return undefined;
  const type = await fileTypeFromBuffer(bytes);
  if (type && /^(audio|video)\//.test(type.mime)) return { base64: bytes.toString('base64') };
  const isRaw = !type && /^audio\/(pcm|l16|x-l16|raw)/.test(contentType);
  return isRaw ? { base64: asWav(bytes).toString('base64') } : undefined;
}

/** Under the names that such servers use. */
const NAMES = ['audio', 'data', 'audio_content', 'audio_base64', 'b64_json', 'url', 'audio_url'];

function soundInJson(json: object, baseUrl: string): ProducedFile | undefined {
  for (const [name, value] of Object.entries(json)) {
    if (!NAMES.includes(name)) continue;
    if (typeof value === 'object' && value !== null) return soundInJson(value as object, baseUrl);
    if (typeof value !== 'string' || value === '') continue;
    if (/^\s*data:/i.test(value)) return { url: value.trim() };
    if (/^https?:/i.test(value) && URL.canParse(value)) return { url: value };
    if (/^\/[^/+=]+\//.test(value) && name.endsWith('url'))
      return { url: new URL(value, baseUrl).href };
    return { base64: value };
  }
  return undefined;
}

/** Samples as OpenAI sends them: 24,000 Hz, 16 bits, one channel. */
function asWav(samples: Buffer): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(24_000, 24);
  head.writeUInt32LE(48_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
