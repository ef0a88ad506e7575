/**
 * Errors that come under a 2xx. An `error` that says something is one whatever stands beside it;
 * any other sign counts only where there is no output, for a good answer may have a `code`, a
 * `status` or a `message` of its own.
 */
import { isObject } from './json-object.js';

type Fields = Readonly<Record<string, unknown>>;

export function hasErrorInside(answer: Fields): boolean {
  if (hasErrorField(answer)) return true;
  const { base_resp: base } = answer;
  if (isObject(base) && isFailedCode(base['status_code'])) return true;
  return !OUTPUTS.some((name) => !isEmpty(answer[name])) && isFlatError(answer);
}

/** Of an answer, or of a piece of one that came as a stream. */
export const hasErrorField = ({ error }: Fields): boolean => !isEmpty(error);

/** What calls itself an error, as a server puts one among the pieces of a stream. */
export const isErrorObject = ({ type, object }: Fields): boolean =>
  type === 'error' || object === 'error';

/** Where the wire formats have their outputs. */
const OUTPUTS = [
  'choices',
  'data',
  'output',
  'outputs',
  'content',
  'candidates',
  'predictions',
  'image',
  'images',
  'embedding',
  'embeddings',
  'text',
  'segments',
  'audio',
  'video',
  'result',
  'results',
  'response',
];

function isFlatError(answer: Fields): boolean {
  const { code, status, success, ok, state } = answer;
  if (success === false || ok === false || isErrorObject(answer)) return true;
  if (isFailedWord(status) || isFailedWord(state)) return true;
  if (typeof status === 'number' && status >= 400) return true;
  if (isFailedCode(code) || isFailedCode(answer['error_code'])) return true;
  return ['errors', 'detail', 'details', 'error_msg', 'errorMessage', 'message', 'msg'].some(
    (name) => !isEmpty(answer[name]),
  );
}

const isFailedWord = (value: unknown): boolean =>
  typeof value === 'string' && /^(fail|error|reject|denied|blocked|.*moderated$)/i.test(value);

/** Some say 0 or 200 for success, as a number or as text. */
const isFailedCode = (value: unknown): boolean =>
  (typeof value === 'number' && value !== 0 && (value < 200 || value > 299)) ||
  (typeof value === 'string' && !/^(0*|20\d|ok|success|succeeded)$/i.test(value));

/** `null`, `{}`, `[]`, `false`, `""` and what holds nothing else, and words of success. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return true;
  if (typeof value === 'string') return SAYS_NOTHING.test(value.trim());
  if (Array.isArray(value)) return value.length === 0;
  if (!isObject(value)) return false;
  return Object.entries(value).every(([name, one]) => isEmpty(one) || isCodeOfSuccess(name, one));
}

const SAYS_NOTHING = /^(|none|null|false|no error|ok|success|succeeded)$/i;

const isCodeOfSuccess = (name: string, value: unknown): boolean =>
  /^(error_?)?(code|status|status_?code)$/i.test(name) &&
  (typeof value === 'number' || typeof value === 'string') &&
  !isFailedCode(value);
