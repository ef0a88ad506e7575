/**
 * OpenAI images: `/images/generations`, and `/images/edits` (multipart) where the input has
 * pictures to start from. `width` × `height`, or `aspect_ratio` at OpenAI's own models, become
 * `size`; `num_images` becomes `n`, `format` `output_format`; whatever else the model's schema
 * allows (`seed`, `quality`, `negative_prompt` …) goes through by its own name. Usage is counted by
 * us, in images delivered: never more than were asked for, whatever the answer claims.
 */
import type { Usage } from '../../contracts/events/execution.js';
import { apiPath } from '../api-path.js';
import { fileMissing, filesNamed } from '../files-named.js';
import { unusable, withheld } from '../failures.js';
import { mappedInput } from '../input-map.js';
import { callJson, isObject } from '../json-call.js';
import { multipartOf, type FormField } from '../multipart.js';
import type { ProducedFile, ProviderAdapter, ProviderCall, ProviderResult } from '../port.js';
import { imagesAsked } from '../produced.js';
import type { Wire } from '../vendor.js';
import { openaiDialect } from './failures.js';
import { textFields } from './form.js';

export function openaiImages(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const sources = filesNamed(call, call.input['images'] ?? call.input['image']);
      const masks = filesNamed(call, call.input['mask']);
      if (!sources || !masks) return fileMissing;
      const fields = await fieldsOf(call);
      const isEdit = sources.length > 0;
      const name = sources.length > 1 ? 'image[]' : 'image';
      const form: FormField[] = [
        ...textFields(fields),
        ...sources.map((file): FormField => [name, file]),
        ...masks.map((file): FormField => ['mask', file]),
      ];
      const path = apiPath(call.provider, isEdit ? '/images/edits' : '/images/generations');
      const read = await callJson(wire, call, {
        dialect: openaiDialect,
        method: 'POST',
        path,
        body: isEdit ? await multipartOf(form) : fields,
        bytesMax: answerBytesMax(call.input),
      });
      if ('outcome' in read) return read.outcome;
      return outcomeOf(read.answer, imagesAsked(call.input), `${call.provider.baseUrl}${path}`);
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Bytes in the answer, not a URL: one request less, and nothing to fetch from a stranger. */
async function fieldsOf(call: ProviderCall): Promise<Fields> {
  const { providerModel, input, inputMap, routeRequest } = call;
  const { image: _image, images: _images, mask: _mask, ...given } = input;
  const { width: _w, height: _h, aspect_ratio: _ratio, num_images: _n, format, ...others } = given;
  const { n: _count, stream: _stream, ...rest } = others;
  const mapped = await mappedInput({
    input: rest,
    ...(inputMap && { inputMap }),
    ...(routeRequest && { routeRequest }),
  });
  return {
    ...mapped,
    ...sizeOf(input, providerModel),
    model: providerModel,
    n: imagesAsked(input),
    ...(format !== undefined && { output_format: format }),
    // OpenAI's own gpt-image models always answer with bytes and refuse to be asked for them.
    ...(!providerModel.startsWith('gpt-image') && { response_format: 'b64_json' }),
    ...routeRequest?.add,
  };
}

/** OpenAI's own models have three sizes; a shape is the nearest of them. */
function sizeOf({ width, height, aspect_ratio: ratio }: Fields, model: string): Fields {
  if (isCount(width) && isCount(height)) return { size: `${width}x${height}` };
  if (typeof ratio !== 'string') return {};
  if (!/^(gpt-image|dall-e)/.test(model)) return { aspect_ratio: ratio };
  const [wide = 1, high = 1] = ratio.split(':').map(Number);
  const long = model.startsWith('dall-e') ? 1_792 : 1_536;
  if (wide === high) return { size: '1024x1024' };
  return { size: wide > high ? `${long}x1024` : `1024x${long}` };
}

const ANSWER_BYTES_MAX = 128 * 1024 * 1024;
/** Of one picture: eight bytes a pixel (16-bit RGBA, unpacked) in base64, and at least so many. */
const IMAGE_BYTES_MIN = 16 * 1024 * 1024;

function answerBytesMax(input: Fields): number {
  const { width, height } = input;
  const pixels = isCount(width) && isCount(height) ? width * height : 0;
  const perImage = Math.max(Math.ceil(pixels * 8 * (4 / 3)), IMAGE_BYTES_MIN);
  return Math.min(perImage * imagesAsked(input), ANSWER_BYTES_MAX);
}

function outcomeOf(answer: Fields, asked: number, answerUrl: string): ProviderResult {
  const list = answer['data'] ?? answer['images'];
  if (!Array.isArray(list)) return unusable('HTTP 200 without data');
  const produced = (list as unknown[]).map((one) => producedIn(one, answerUrl));
  const images = produced.filter((one) => one !== undefined).slice(0, asked);
  if (images.length > 0)
    return {
      kind: 'succeeded',
      output: { modality: 'image', images },
      usage: { images: images.length, ...tokensIn(answer['usage']) },
    };
  const isBlocked = list.length > 0 && (list as unknown[]).some(isWithheld);
  return isBlocked ? withheld('HTTP 200, every image blocked') : unusable('HTTP 200, no image');
}

/**
 * A picture is what its text begins like, under whichever name it stands. A URL that is relative is
 * so to the address of the answer.
 */
function producedIn(one: unknown, answerUrl: string): ProducedFile | undefined {
  const { b64_json: base64, url } = isObject(one) ? one : {};
  for (const text of [base64, url, one]) {
    if (typeof text !== 'string') continue;
    if (ADDRESS.test(text)) return { url: text.trim() };
    if (PICTURE.test(text)) return { base64: text };
  }
  if (typeof base64 === 'string' && base64.length > 0) return { base64 };
  if (typeof url !== 'string' || url.trim() === '') return undefined;
  if (!URL.canParse(url, answerUrl)) return undefined;
  const { href, protocol } = new URL(url, answerUrl);
  return /^https?:$/.test(protocol) ? { url: href } : undefined;
}

const ADDRESS = /^\s*(https?:\/\/|data:)/i;
/** The magic bytes of PNG, JPEG, WebP and GIF, in base64. */
const PICTURE = /^\s*(iVBORw0KGgo|\/9j\/|UklGR|R0lGOD)/;

/** Gateways say in many ways that a picture was made and kept back. */
function isWithheld(one: unknown): boolean {
  const said = JSON.stringify(one ?? '').toLowerCase();
  return /content_?(policy|filter)|moderat|safety|nsfw|blocked|violat/.test(said);
}

function tokensIn(usage: unknown): Usage {
  const { input_tokens: input, output_tokens: output } = isObject(usage) ? usage : {};
  return {
    ...(isCount(input) && { inputTokens: input }),
    ...(isCount(output) && { outputTokens: output }),
  };
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
