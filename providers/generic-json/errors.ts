/**
 * What an error of a described provider means: by the word or the sentence that the catalogue has
 * a code for, else by its status as with every provider. Only words that the catalogue names are
 * shown to operators: an unknown one might quote the request.
 */
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { GenericCode } from '../../contracts/catalogue/generic-entry.js';
import type { Unread } from '../failures.js';
import type { ProviderResult } from '../port.js';
import type { ErrorsDescription } from './description.js';
import { wordsOf } from './templates.js';

type Failed = Extract<ProviderResult, { kind: 'failed' }>;

/** Of an answer that is no success; `byStatus` is what its status alone means. */
export async function refusalOf(
  errors: ErrorsDescription,
  body: unknown,
  byStatus: Unread,
): Promise<Unread> {
  const known = await knownError(errors, body);
  if (!known) return byStatus;
  const advice = byStatus.kind === 'failed' ? byStatus.retryAfterMs : undefined;
  const failed: Failed = {
    kind: 'failed',
    ...meaningOf(known.code),
    detail: `${byStatus.detail} (${known.word})`,
  };
  return advice === undefined ? failed : { ...failed, retryAfterMs: advice };
}

/** Of a success that tells of an error, and of a job that failed. */
export async function failureIn(
  errors: ErrorsDescription,
  body: unknown,
  what: string,
): Promise<Failed> {
  const known = await knownError(errors, body);
  const detail = known ? `${what} (${known.word})` : what;
  return { kind: 'failed', ...meaningOf(known?.code ?? 'GENERATION_FAILED'), detail };
}

interface Known {
  readonly code: CanonicalCode;
  /** Of the catalogue's own text. */
  readonly word: string;
}

async function knownError(
  { code, message, codes = {}, messages = {} }: ErrorsDescription,
  body: unknown,
): Promise<Known | undefined> {
  const given = await code?.valueOf(body);
  const byCode = given === undefined ? undefined : byWord(codes, wordsOf(given));
  if (byCode) return byCode;
  const sentence = await message?.valueOf(body);
  if (typeof sentence !== 'string') return undefined;
  const lower = sentence.toLowerCase();
  const found = Object.entries(messages).find(([part]) => lower.includes(part.toLowerCase()));
  return found && { code: found[1], word: found[0] };
}

/** The word itself, else the longest beginning of it that ends in `*`. */
function byWord(codes: Readonly<Record<string, GenericCode>>, word: string): Known | undefined {
  const exact = Object.hasOwn(codes, word) ? codes[word] : undefined;
  if (exact) return { code: exact, word };
  const [longest] = Object.entries(codes)
    .filter(([name]) => name.endsWith('*') && word.startsWith(name.slice(0, -1)))
    .sort(([one], [other]) => other.length - one.length);
  return longest && { code: longest[1], word: longest[0] };
}

const callersFault: ReadonlySet<CanonicalCode> = new Set<GenericCode>([
  'INPUT_VALIDATION_ERROR',
  'CONTENT_MODERATION_REJECTED',
  'FILE_NOT_FOUND',
  'FILE_FORMAT_UNSUPPORTED',
]);

/** What is the caller's is told at once; the rest goes on to another route. */
const meaningOf = (
  code: CanonicalCode,
): Pick<Failed, 'code' | 'retryable' | 'countsAsFailure'> => ({
  code,
  retryable: !callersFault.has(code),
  countsAsFailure: !callersFault.has(code) && code !== 'MODEL_OVERLOADED',
});
