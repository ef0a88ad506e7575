/**
 * A query as names and values. Unlike `URLSearchParams` it does not repair: what is no UTF-8, or
 * could not be stored, is refused, and so is a parameter that is given twice.
 */
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { decodedText } from './matcher.js';

type QueryReading = { readonly values: Record<string, unknown> } | { readonly detail: ErrorDetail };

const NAME_LENGTH_MAX = 64;

/** `url` is a path with its query. */
export function readQuery(url: string): QueryReading {
  const values = Object.create(null) as Record<string, unknown>;
  const mark = url.indexOf('?');
  if (mark < 0) return { values };
  for (const pair of url.slice(mark + 1).split('&')) {
    if (pair === '') continue;
    const sign = pair.indexOf('=');
    const name = formText(sign < 0 ? pair : pair.slice(0, sign));
    const value = formText(sign < 0 ? '' : pair.slice(sign + 1));
    if (name === undefined || value === undefined)
      return { detail: malformedDetail(name ?? pair.slice(0, sign < 0 ? undefined : sign)) };
    if (name in values) return { detail: repeatedDetail(name) };
    values[name] = value;
  }
  return { values };
}

/** In the form of HTML forms, where a plus sign is a space. */
const formText = (text: string): string | undefined =>
  decodedText(text.includes('+') ? text.replaceAll('+', ' ') : text);

export const malformedDetail = (name: string): ErrorDetail => ({
  field: name.slice(0, NAME_LENGTH_MAX),
  code: 'malformed',
  message: 'is not text in percent-encoded UTF-8, or holds the NUL character',
});

export const repeatedDetail = (name: string): ErrorDetail => ({
  field: name.slice(0, NAME_LENGTH_MAX),
  code: 'repeated',
  message: 'is given twice',
});
