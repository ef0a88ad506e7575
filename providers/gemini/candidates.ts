/** What every answer of `generateContent` has, be it text or pictures. */
import { withheld, type Unread } from '../failures.js';
import { isObject } from '../json-object.js';

type Fields = Readonly<Record<string, unknown>>;

/** The prompt was blocked: by which reason, and what was found in it. */
export function blockedBy({ promptFeedback: feedback }: Fields): Unread | undefined {
  if (!isObject(feedback)) return undefined;
  const { blockReason: reason, safetyRatings } = feedback;
  if (typeof reason !== 'string' || reason === 'BLOCK_REASON_UNSPECIFIED') return undefined;
  const word = /^[A-Z_]{1,64}$/.test(reason) ? reason : 'blocked';
  return withheld(`promptFeedback ${word}`, [word, ...categoriesIn(safetyRatings)]);
}

/** We ask for one; of several it is the one of index 0. */
export function firstCandidate({ candidates }: Fields): Fields | undefined {
  const all = Array.isArray(candidates) ? (candidates as unknown[]).filter(isObject) : [];
  return all.find(({ index }) => index === 0) ?? all[0];
}

export function partsOf({ content }: Fields): readonly Fields[] {
  const parts = isObject(content) ? content['parts'] : undefined;
  return Array.isArray(parts) ? (parts as unknown[]).filter(isObject) : [];
}

/** The categories that were blocked; where none is marked so, those that were found likely. */
export function categoriesIn(ratings: unknown): string[] {
  const all = Array.isArray(ratings) ? (ratings as unknown[]).filter(isObject) : [];
  const blocked = all.filter((one) => one['blocked'] === true);
  const likely = all.filter(({ probability }) => /^(HIGH|MEDIUM)$/.test(String(probability)));
  return (blocked.length > 0 ? blocked : likely).map(({ category }) => String(category));
}
