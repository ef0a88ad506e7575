/** Cursors: the place after which a list continues. Opaque, so that their content may change. */
import { Refusal, type ApiRequest } from '../http/server/route.js';

/** The values that a list is sorted by, as JSON has them. */
export type Place = readonly (string | number)[];

/** The values that a cursor may carry: none that the database would refuse. */
type Part = 'text' | 'position' | 'number';

export interface Page {
  readonly limit: number;
  /** The last item of the page before. */
  readonly after: Place | undefined;
}

/** Throws a `Refusal` for a cursor that no list of this kind gave. */
export function pageOf({ queryValues }: ApiRequest, kind: string, shape: readonly Part[]): Page {
  const { limit, cursor } = queryValues as { limit: number; cursor?: string };
  if (cursor === undefined) return { limit, after: undefined };
  const after = placeIn(cursor, kind, shape);
  if (!after)
    throw new Refusal('INPUT_VALIDATION_ERROR', 'The cursor is not of this list.', [
      { field: 'cursor', code: 'unknown_cursor', message: 'is not a cursor of this list' },
    ]);
  return { limit, after };
}

export function cursorOf(kind: string, place: Place): string {
  return Buffer.from(JSON.stringify([kind, ...place])).toString('base64url');
}

/**
 * The envelope of a list of which one item more than the page was asked for: the one too many says
 * that there is more.
 */
export function listBody<T, B>(
  items: readonly T[],
  limit: number,
  bodyOf: (item: T) => B,
  cursorAt: (item: T) => string,
) {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  const more = items.length > limit && last !== undefined;
  return { data: page.map(bodyOf), next_cursor: more ? cursorAt(last) : null };
}

function placeIn(cursor: string, kind: string, shape: readonly Part[]): Place | undefined {
  const text = Buffer.from(cursor, 'base64url').toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // not ours
  }
  if (!Array.isArray(value) || value.length !== shape.length + 1 || value[0] !== kind)
    return undefined;
  const place = value.slice(1) as unknown[];
  const fits = shape.every((part, index) => isPart[part](place[index]));
  return fits ? (place as Place) : undefined;
}

const isPart: Record<Part, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string' && !value.includes('\0'),
  position: (value) => typeof value === 'string' && /^\d{1,18}$/.test(value),
  number: (value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 52,
};
