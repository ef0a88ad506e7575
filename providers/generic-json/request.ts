/** A request of a described provider, filled in and sent; what it carried, as JSON or bytes. */
import { isId } from '../../contracts/ids.js';
import { hasErrorField, hasErrorInside } from '../error-inside.js';
import { readFailureBy, unusable, type Unread } from '../failures.js';
import { urlOrData } from '../input-file.js';
import { callBytes, isObject, PreparedBody, type Bytes } from '../json-call.js';
import { multipartOf, type FormField } from '../multipart.js';
import { retryAfterMsOf } from '../retry-after.js';
import type { InputFile, ProviderCall } from '../port.js';
import type { Wire } from '../vendor.js';
import type { Description, RequestTemplate } from './description.js';
import { failureIn, refusalOf } from './errors.js';
import type { Functions } from './expressions.js';

import type { Carrier } from './output.js';
import { wordsOf } from './templates.js';

type Called = Pick<
  ProviderCall,
  'provider' | 'providerModel' | 'dispatchKey' | 'timeoutMs' | 'signal'
>;

/** What a request's templates may name. */
export interface Naming {
  readonly input: ProviderCall['input'];
  readonly files?: ProviderCall['files'];
  readonly callbackUrl?: string | undefined;
  readonly jobId?: string;
}

/** A success, with what its headers say. */
export interface Carried {
  readonly carrier: Carrier;
  readonly headers: Bytes['headers'];
}

export type Sent = Carried | NotSent;

export interface NotSent {
  readonly outcome: Unread;
  readonly refusal?: unknown;
}

/** Unless the provider's entry says otherwise. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** The file that an input names was deleted since. */
class FileMissing extends Error {}

export async function send(
  wire: Wire,
  called: Called,
  description: Description,
  template: RequestTemplate,
  naming: Naming,
  answer: Description['answer'] = 'json',
): Promise<Sent> {
  let filled: Filled | string;
  try {
    const { input, files } = withHandles(naming);
    const context = contextOf(called, { ...naming, input });
    filled = await filledIn(template, context, functionsOver(files));
  } catch (error) {
    if (error instanceof FileMissing) return { outcome: fileMissing };
    throw error;
  }
  if (typeof filled === 'string') return { outcome: notSent(filled) };
  const read = await callBytes(wire, called, {
    method: template.method,
    ...filled,
    headers: withoutAccept(filled.headers),
    bytesMax: ANSWER_BYTES_MAX,
    mayHaveErrorField: true,
    accept: filled.headers['accept'] ?? (answer === 'json' ? 'application/json' : '*/*'),
  });
  if ('outcome' in read) {
    const { outcome, refusal } = read;
    return { outcome: await refusalOf(description.errors, refusal, outcome), refusal };
  }
  const { bytes, json, contentType, headers } = read.answer;
  // An API that answers with a file says in JSON what went wrong.
  const isWhole = answer !== 'json' && !(json && contentType.includes('json'));
  if (isWhole) return { carrier: { body: bytes }, headers };
  return carried(description, json ?? parsed(bytes), headers);
}

const withoutAccept = ({ accept: _, ...headers }: Readonly<Record<string, string>>) => headers;

async function carried(
  { errors, job }: Description,
  json: unknown,
  headers: Bytes['headers'],
): Promise<Sent> {
  if (json === undefined) return { outcome: unusable('a success that is no JSON') };
  const isError = await errors.when?.valueOf(json);
  if (isError !== undefined && isError !== false) {
    const failed = await failureIn(errors, json, 'error inside a 2xx');
    const retryAfterMs = retryAfterMsOf({ headers, body: json }, Date.now());
    return { outcome: retryAfterMs === undefined ? failed : { ...failed, retryAfterMs } };
  }
  // A job's own field `error` is read when its status is known.
  if (job || errors.when || !isObject(json) || !hasErrorField(json))
    return { carrier: { json }, headers };
  return { outcome: await failureInside(errors, json, headers) };
}

/** Of an answer without an output: an error in one of the usual forms, or nothing of use. */
export async function withoutOutput(
  { errors }: Description,
  { carrier, headers }: Carried,
): Promise<Unread> {
  const json = 'json' in carrier ? carrier.json : undefined;
  if (!errors.when && isObject(json) && hasErrorInside(json))
    return failureInside(errors, json, headers);
  return unusable('a success without an output where the catalogue says that it is');
}

function failureInside(
  errors: Description['errors'],
  body: Readonly<Record<string, unknown>>,
  headers: Bytes['headers'],
): Promise<Unread> {
  const retryAfterMs = retryAfterMsOf({ headers, body }, Date.now());
  return refusalOf(errors, body, readCommonFailure({ status: undefined, body, retryAfterMs }));
}

const readCommonFailure = readFailureBy({});

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

const fileMissing: Unread = {
  kind: 'failed',
  code: 'FILE_NOT_FOUND',
  retryable: false,
  countsAsFailure: false,
  detail: 'not sent: a file of the input was not given to the adapter',
};

/** The description is at fault, or does not suit this input: another route may do. */
const notSent = (why: string): Unread => ({
  kind: 'failed',
  code: 'MODEL_UNAVAILABLE',
  retryable: true,
  countsAsFailure: false,
  detail: `not sent: ${why}`,
});

const contextOf = (
  { providerModel, dispatchKey }: Called,
  { input, callbackUrl, jobId }: Naming,
): object => ({
  model: providerModel,
  input,
  dispatch_key: dispatchKey,
  ...(callbackUrl !== undefined && { callback_url: callbackUrl }),
  ...(jobId !== undefined && { job_id: jobId }),
});

/** A template that sends a file's name sends a number of ours: no provider learns a file's id. */
function withHandles({ input, files }: Naming): {
  readonly input: Naming['input'];
  readonly files: ReadonlyMap<string, InputFile | undefined>;
} {
  const found = new Map<string, InputFile | undefined>();
  const handled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(handled);
    if (isObject(value))
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, handled(one)]));
    if (typeof value !== 'string' || !isId('file', value)) return value;
    const handle = `file-${found.size + 1}`;
    found.set(handle, files?.get(value));
    return handle;
  };
  return { input: handled(input) as Naming['input'], files: found };
}

/** What stands for a file of the input; without an argument each is without a value. */
function functionsOver(files: ReadonlyMap<string, InputFile | undefined>): Functions {
  const of = (make: (file: InputFile) => unknown) => (id: unknown) => {
    if (typeof id !== 'string') return undefined;
    const file = files.get(id);
    if (!file) throw new FileMissing('a file of the input is missing');
    return make(file);
  };
  const base64 = async (file: InputFile) => (await file.bytes()).toString('base64');
  const dataUrl = ({ url: _, ...file }: InputFile) => urlOrData(file);
  return {
    base64: of(base64),
    data_url: of(dataUrl),
    url: of(urlOrData),
    content_type: of(({ contentType }) => contentType),
    file: of((file) => file),
  };
}

interface Filled {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>> | PreparedBody;
}

async function filledIn(
  template: RequestTemplate,
  context: object,
  functions: Functions,
): Promise<Filled | string> {
  const path = await template.path.fill(context, functions, encodeURIComponent);
  if (typeof path !== 'string') return 'the path has a part without a value';
  if (UPWARDS.test(path)) return 'a value would lead the path elsewhere';
  const query = new URLSearchParams();
  for (const [name, value] of await filledFields(template.query, context, functions))
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value])
      query.append(name, wordsOf(one));
  const headers: Record<string, string> = {};
  for (const [name, value] of await filledFields(template.headers, context, functions)) {
    const text = wordsOf(value);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return `the header ${name} cannot be sent`;
    headers[name.toLowerCase()] = text;
  }
  const search = query.size > 0 ? `${path.includes('?') ? '&' : '?'}${query.toString()}` : '';
  const head = { path: path + search, headers };
  if (!template.body) return head;
  const body = await bodyOf(template.bodyAs, await template.body.fill(context, functions));
  return typeof body === 'string' ? body : { ...head, body };
}

/** What servers take for the same path or the one above: our credential is for no other. */
const UPWARDS = /^[^?]*\/\.{1,2}(\/|\?|$)/;

async function filledFields(
  fields: RequestTemplate['query'],
  context: object,
  functions: Functions,
): Promise<(readonly [string, unknown])[]> {
  const filled: (readonly [string, unknown])[] = [];
  for (const [name, template] of fields) {
    const value = await template.fill(context, functions);
    if (value !== undefined) filled.push([name, value]);
  }
  return filled;
}

/** A sentence where the template made nothing that can be written so. */
async function bodyOf(
  bodyAs: RequestTemplate['bodyAs'],
  filled: unknown,
): Promise<NonNullable<Filled['body']> | string> {
  if (bodyAs === 'json')
    return isObject(filled) ? filled : new PreparedBody(JSON_TYPE, JSON.stringify(filled ?? null));
  if (bodyAs === 'bytes') {
    if (isFile(filled))
      return new PreparedBody(filled.contentType, {
        bytes: filled.sizeBytes,
        open: () => filled.stream(),
      });
    return typeof filled === 'string'
      ? new PreparedBody('text/plain; charset=utf-8', filled)
      : 'the body is neither a file nor a text';
  }
  if (!isObject(filled)) return 'the body is no object';
  const fields = Object.entries(filled).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as unknown[]) : [value]).map((one) => [name, one] as const),
  );
  const fieldOf = ([name, value]: readonly [string, unknown]): FormField =>
    isFile(value) ? [name, value] : [name, wordsOf(value)];
  if (bodyAs === 'multipart') return multipartOf(fields.map(fieldOf));
  const pairs = fields.map(([name, value]): [string, string] => [name, wordsOf(value)]);
  return new PreparedBody(FORM_TYPE, new URLSearchParams(pairs).toString());
}

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

const isFile = (value: unknown): value is InputFile =>
  typeof value === 'object' && value !== null && typeof (value as InputFile).bytes === 'function';
