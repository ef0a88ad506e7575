/** The pieces of a streamed `generateContent`, folded to the answer that they add up to. */
import { firstCandidate, partsOf } from './candidates.js';

type Fields = Readonly<Record<string, unknown>>;

/** `cut` where no piece says why it ended. */
export function foldContent(pieces: readonly Fields[]): Fields | 'cut' {
  const parts: Fields[] = [];
  let answer: Fields = {};
  let candidate: Fields = {};
  for (const piece of pieces) {
    answer = { ...answer, ...piece };
    const next = firstCandidate(piece);
    if (!next) continue;
    parts.push(...partsOf(next));
    candidate = { ...candidate, ...next };
  }
  if (answer['promptFeedback'] !== undefined && parts.length === 0) return answer;
  if (typeof candidate['finishReason'] !== 'string') return 'cut';
  return { ...answer, candidates: [{ ...candidate, content: { parts } }] };
}
