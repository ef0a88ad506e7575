/**
 * What `generateContent` answered as a canonical answer. A prompt that was blocked has no candidate
 * but a `promptFeedback`; thoughts are counted beside the candidate's own tokens.
 */
import { unusable, withheld, type Unread } from '../failures.js';
import { isObject } from '../json-object.js';
import { meanings, type Known } from '../meanings.js';
import type { FinishReason, ProviderCall, ProviderResult } from '../port.js';
import { failedMidway, failedWord, reasonBy, textResult } from '../text/generation.js';
import type { ResponseFormat } from '../text/request.js';
import { countOf, type ToldTokens } from '../text/tokens.js';
import { blockedBy, categoriesIn, firstCandidate, partsOf } from './candidates.js';

type Fields = Readonly<Record<string, unknown>>;

export function generatedText(
  call: Pick<ProviderCall, 'input' | 'dispatchKey'>,
  format: ResponseFormat,
  answer: Fields,
): ProviderResult {
  const blocked = blockedBy(answer);
  if (blocked) return blocked;
  const candidate = firstCandidate(answer);
  if (!candidate) return unusable('HTTP 200, without a candidate');
  const { finishReason: word, safetyRatings } = candidate;
  const parts = partsOf(candidate);
  if (parts.length === 0 && typeof word !== 'string')
    return unusable('HTTP 200, a candidate without content');
  const failure = failureOf(word);
  if (failure) return failure;
  const text = parts
    .filter((part) => typeof part['text'] === 'string' && part['thought'] !== true)
    .map((part) => part['text'] as string)
    .join('');
  const calls = parts.map((part) => part['functionCall']).filter(isObject);
  const reason = reasonBy(reasons, word);
  if (reason === 'content_filter' && text === '' && calls.length === 0)
    return withheldBy(word, safetyRatings);
  return textResult(call, format, {
    text,
    reason,
    calls: calls.map(({ name, args }) => ({ name, arguments: args })),
    tokens: tokensIn(answer['usageMetadata']),
  });
}

const reasons: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  max_tokens: 'length',
  safety: 'content_filter',
  recitation: 'content_filter',
  blocklist: 'content_filter',
  prohibited_content: 'content_filter',
  spii: 'content_filter',
  model_armor: 'content_filter',
  image_safety: 'content_filter',
  image_prohibited_content: 'content_filter',
  image_recitation: 'content_filter',
};

/** The model wrote what is no call of a tool: another try may do, and no provider is ill for it. */
const misled: Known = { ...meanings.broken, countsAsFailure: false };

const failing = new Set([
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MALFORMED_RESPONSE',
  'MISSING_THOUGHT_SIGNATURE',
]);

function failureOf(word: unknown): Unread | undefined {
  if (typeof word === 'string' && failing.has(word))
    return failedMidway(`finishReason ${word}`, misled);
  const failed = failedWord(word);
  return failed === undefined ? undefined : failedMidway(`finishReason ${failed}`);
}

const withheldBy = (word: unknown, ratings: unknown): Unread =>
  withheld(`finishReason ${String(word)}`, [String(word), ...categoriesIn(ratings)]);

function tokensIn(usage: unknown): ToldTokens {
  if (!isObject(usage)) return {};
  const prompt = countOf(usage['promptTokenCount']);
  const ofTools = countOf(usage['toolUsePromptTokenCount']) ?? 0;
  const said = countOf(usage['candidatesTokenCount']);
  const thought = countOf(usage['thoughtsTokenCount']);
  return {
    input: prompt === undefined ? undefined : prompt + ofTools,
    cached: usage['cachedContentTokenCount'],
    output: said === undefined && thought === undefined ? undefined : (said ?? 0) + (thought ?? 0),
    reasoning: thought,
    total: usage['totalTokenCount'],
  };
}
