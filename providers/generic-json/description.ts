/**
 * The description of a provider in the catalogue, made ready to use: every expression and template
 * compiled, every word in a table. What is wrong in it is said when the catalogue is read.
 */
import {
  genericOutputs,
  type GenericCallbackEntry,
  type GenericEntry,
  type GenericErrorsEntry,
  type GenericRequestEntry,
  type GenericStatusEntry,
} from '../../contracts/catalogue/generic-entry.js';
import type { ModelEntry, RouteEntry } from '../../contracts/catalogue/model-entry.js';
import type { Modality } from '../../contracts/events/execution.js';
import { compileExpression, type Expression } from './expressions.js';
import { compileTemplate, type Template } from './templates.js';

export interface Description {
  readonly modality: Modality;
  readonly request: RequestTemplate;
  readonly answer: 'json' | 'bytes' | 'text';
  readonly job: JobDescription | undefined;
  readonly status: StatusDescription | undefined;
  readonly output: ReadonlyMap<string, Expression>;
  readonly finishReasons: ReadonlyMap<string, string>;
  readonly usage: ReadonlyMap<string, Expression>;
  readonly errors: ErrorsDescription;
}

export interface RequestTemplate {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: Template;
  readonly query: readonly (readonly [string, Template])[];
  readonly headers: readonly (readonly [string, Template])[];
  readonly body: Template | undefined;
  readonly bodyAs: 'json' | 'form' | 'multipart' | 'bytes';
}

export interface JobDescription {
  readonly id: Expression;
  readonly poll: RequestTemplate | undefined;
  readonly result: RequestTemplate | undefined;
  readonly cancel: RequestTemplate | undefined;
  readonly cancelled: Expression | undefined;
  readonly forgotten: Expression | undefined;
  readonly callback: CallbackDescription | undefined;
}

export interface CallbackDescription {
  readonly id: Expression | undefined;
  readonly document: Expression | undefined;
  readonly hmac: HmacDescription | undefined;
}

interface HmacDescription {
  readonly header: string;
  readonly secretEnv: string;
  readonly secretAs: 'text' | 'base64';
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64';
  readonly prefix: string;
  readonly signed: Template;
}

export type State = 'pending' | 'succeeded' | 'failed' | 'cancelled';

export interface StatusDescription {
  readonly path: Expression;
  readonly words: ReadonlyMap<string, State>;
}

export interface ErrorsDescription {
  readonly when: Expression | undefined;
  readonly code: Expression | undefined;
  readonly message: Expression | undefined;
  readonly codes: GenericErrorsEntry['codes'];
  readonly messages: GenericErrorsEntry['messages'];
}

/** Of a catalogue that was checked; compiled once for each version of it. */
export function descriptionOf(entry: GenericEntry): Description {
  let known = compiled.get(entry);
  if (!known) compiled.set(entry, (known = compile(entry, 'generic', [])));
  return known;
}

const compiled = new WeakMap<GenericEntry, Description>();

/** A sentence for each place that is wrong. */
export function descriptionProblems(entry: GenericEntry, place: string): string[] {
  const problems: string[] = [];
  compile(entry, place, problems);
  const { modality, output = {}, job, status, answer = 'json', finish_reasons: reasons } = entry;
  const allowed = genericOutputs[modality];
  for (const name of Object.keys(output))
    if (!allowed.includes(name))
      problems.push(`${place}.output.${name}: ${modality} has ${allowed.join(', ')}`);
  const [first = ''] = allowed;
  if (answer === 'json' && !Object.hasOwn(output, first))
    problems.push(`${place}.output: '${first}' is missing; it says where the output is`);
  if (answer === 'bytes' && !['audio', 'image', 'video'].includes(modality))
    problems.push(`${place}.answer: the bytes of an answer are no ${modality}`);
  if (answer === 'text' && !['text', 'transcription'].includes(modality))
    problems.push(`${place}.answer: the text of an answer is no ${modality}`);
  if (reasons && output['finish_reason'] === undefined)
    problems.push(`${place}.finish_reasons: 'finish_reason' is missing under output`);
  if (job && !job.poll && !job.callback)
    problems.push(`${place}.job: needs poll or callback, or its end is never known`);
  if (job?.result && !job.poll)
    problems.push(
      `${place}.job.result: is fetched once poll says that it is there; poll is missing`,
    );
  if (job?.poll && !status)
    problems.push(`${place}.status: is missing; it says when a job is done`);
  if (job && !job.result && answer !== 'json')
    problems.push(`${place}.answer: is read from job.result, which is missing`);
  if (job?.callback && !JSON.stringify(entry.request).includes('callback_url'))
    problems.push(`${place}.request: callback_url goes nowhere, and job.callback waits for it`);
  return problems;
}

/**
 * Fields that callers may give and that no template sends: a wish is never dropped in silence. One
 * that can have a single value is no wish.
 */
export function unsentFields(
  { request }: GenericEntry,
  { input_schema: schema }: Pick<ModelEntry, 'input_schema'>,
  { capabilities: { without = [] } = {} }: Pick<RouteEntry, 'capabilities'>,
): string[] {
  const text = JSON.stringify(request);
  if (/\binput\b(?!\.)/.test(text.replaceAll('"input"', ''))) return [];
  const sent = new Set([...text.matchAll(/\binput\.`?([\w-]+)/g)].map(([, name]) => name));
  return Object.entries(schema['properties'] ?? {}).flatMap(([name, part]) =>
    sent.has(name) || without.includes(name) || hasOneValue(part)
      ? []
      : [`'${name}' of input_schema is not sent by generic.request, nor in capabilities.without`],
  );
}

function hasOneValue(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { const: only, enum: values, minimum, maximum } = part as Readonly<Record<string, unknown>>;
  if (only !== undefined || (Array.isArray(values) && values.length === 1)) return true;
  return minimum !== undefined && minimum === maximum;
}

/** Of templates: what $name(…) may be. `file` stands for a file as it is, in forms and bodies. */
const inText = ['data_url', 'base64', 'url', 'content_type'];
const inForm = [...inText, 'file'];
/** Of what reads answers: the canonical input. */
const inAnswers = ['input'];

function compile(entry: GenericEntry, place: string, problems: string[]): Description {
  const expression: Compile = (text, at) => compiledOr(text, `${place}.${at}`, problems);
  const request = (one: GenericRequestEntry, at: string, method: 'GET' | 'POST') =>
    requestOf(one, `${place}.${at}`, method, problems);
  const { output = {}, usage = {}, errors = {}, finish_reasons: reasons = {}, job, status } = entry;
  const all = (fields: Readonly<Record<string, string>>, at: string) =>
    new Map(
      Object.entries(fields).map(([name, text]) => [name, expression(text, `${at}.${name}`)]),
    );
  return {
    modality: entry.modality,
    request: request(entry.request, 'request', 'POST'),
    answer: entry.answer ?? 'json',
    job: job && {
      id: expression(job.id, 'job.id'),
      poll: job.poll && request(job.poll, 'job.poll', 'GET'),
      result: job.result && request(job.result, 'job.result', 'GET'),
      cancel: job.cancel && request(job.cancel, 'job.cancel', 'POST'),
      cancelled: optional(job.cancelled, 'job.cancelled', expression),
      forgotten: optional(job.forgotten, 'job.forgotten', expression),
      callback: job.callback && callbackOf(job.callback, `${place}.job.callback`, problems),
    },
    status: status && {
      path: expression(status.path, 'status.path'),
      words: wordsIn(status, `${place}.status`, problems),
    },
    output: all(output, 'output'),
    finishReasons: new Map(Object.entries(reasons)),
    usage: all(usage, 'usage'),
    errors: {
      when: optional(errors.when, 'errors.when', expression),
      code: optional(errors.code, 'errors.code', expression),
      message: optional(errors.message, 'errors.message', expression),
      codes: errors.codes,
      messages: errors.messages,
    },
  };
}

type Compile = (text: string, at: string) => Expression;

const optional = (
  text: string | undefined,
  at: string,
  compileOne: Compile,
): Expression | undefined => (text === undefined ? undefined : compileOne(text, at));

const nothing: Expression = { valueOf: () => Promise.resolve(undefined) };

function compiledOr(text: string, place: string, problems: string[]): Expression {
  const result = compileExpression(text, inAnswers);
  if ('expression' in result) return result.expression;
  problems.push(`${place}: ${result.problem}`);
  return nothing;
}

/** `auth` of the provider says where the credential goes, `body_as` how the body is written. */
const ownHeaders = new Set(
  'authorization connection content-length content-type host transfer-encoding'.split(' '),
);

function requestOf(
  entry: GenericRequestEntry,
  place: string,
  method: 'GET' | 'POST',
  problems: string[],
): RequestTemplate {
  const { body_as: bodyAs = 'json' } = entry;
  const own = bodyAs === 'json' ? inText : inForm;
  const all = (fields: Readonly<Record<string, unknown>>, at: string) =>
    Object.entries(fields).map(([name, source]) => {
      const template = compileTemplate(source, `${place}.${at}.${name}`, inText, problems);
      return [name, template] as const;
    });
  for (const name of Object.keys(entry.headers ?? {}))
    if (ownHeaders.has(name.toLowerCase()))
      problems.push(`${place}.headers.${name}: is written by ModelRoute itself`);
  if (entry.body === undefined && bodyAs !== 'json')
    problems.push(`${place}.body: is missing; body_as is ${bodyAs}`);
  return {
    method: entry.method ?? method,
    path: compileTemplate(entry.path, `${place}.path`, inText, problems),
    query: all(entry.query ?? {}, 'query'),
    headers: all(entry.headers ?? {}, 'headers'),
    body:
      entry.body === undefined
        ? undefined
        : compileTemplate(entry.body, `${place}.body`, own, problems),
    bodyAs,
  };
}

function callbackOf(
  { id, document, hmac }: GenericCallbackEntry,
  place: string,
  problems: string[],
): CallbackDescription {
  const expression: Compile = (text, at) => compiledOr(text, `${place}.${at}`, problems);
  return {
    id: optional(id, 'id', expression),
    document: optional(document, 'document', expression),
    hmac: hmac && {
      header: hmac.header.toLowerCase(),
      secretEnv: hmac.secret_env,
      secretAs: hmac.secret_as ?? 'text',
      algorithm: hmac.algorithm ?? 'sha256',
      encoding: hmac.encoding ?? 'hex',
      prefix: hmac.prefix ?? '',
      signed: compileTemplate(hmac.signed ?? '{{ body }}', `${place}.hmac.signed`, [], problems),
    },
  };
}

function wordsIn(
  { pending = [], succeeded, failed = [], cancelled = [] }: GenericStatusEntry,
  place: string,
  problems: string[],
): ReadonlyMap<string, State> {
  const words = new Map<string, State>();
  for (const [state, list] of Object.entries({ pending, succeeded, failed, cancelled }))
    for (const word of list) {
      if (words.has(word)) problems.push(`${place}.${state}: '${word}' has two meanings`);
      words.set(word, state as State);
    }
  return words;
}
