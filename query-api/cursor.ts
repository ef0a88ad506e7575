/**
 * Cursors: the place after which a list continues. They are encrypted and authenticated, so that
 * they show neither positions of the log nor anything else, and none is accepted but by the list
 * that gave it, from the caller that it was given to.
 */
import { Refusal, type ApiRequest, type Reply } from '../http/server/route.js';
import { sealed, unsealed } from '../infra/sealed.js';
import type { Secrets } from '../infra/secrets.js';

/** The values that a list is sorted by, as JSON has them. */
export type Place = readonly (string | number)[];

/** The values that a place consists of. */
type Part = 'text' | 'position' | 'number';

/** One list of one caller: the list's name, and whose it is. */
export type ListName = readonly [list: string, owner: string, ...more: string[]];

export interface Page {
  readonly limit: number;
  /** The last item of the page before. */
  readonly after: Place | undefined;
}

export interface Cursors {
  /** Throws a `Refusal` for a cursor that this list did not give to this caller. */
  pageOf(request: ApiRequest, list: ListName, shape: readonly Part[]): Page;
  cursorOf(list: ListName, place: Place): string;
}

/** With the key of `given`, the same in every process. */
export function openCursors(given: { readonly secrets: Pick<Secrets, 'cursorKey'> }): Cursors {
  return {
    pageOf({ queryValues }, list, shape) {
      const { limit, cursor } = queryValues as { limit: number; cursor?: string };
      if (cursor === undefined) return { limit, after: undefined };
      const after = placeIn(unsealed(given.secrets.cursorKey, JSON.stringify(list), cursor), shape);
      if (!after) throw unknownCursor();
      return { limit, after };
    },
    cursorOf: (list, place) =>
      sealed(given.secrets.cursorKey, JSON.stringify(list), JSON.stringify(place)),
  };
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

/**
 * A page of a list that is known as a whole. It is in the order of its keys, which differ from one
 * another, so that it goes on behind an item that is gone by then.
 */
export function pageOfWhole<T>(
  cursors: Cursors,
  request: ApiRequest,
  list: ListName,
  { items, keyOf }: { readonly items: readonly T[]; readonly keyOf: (item: T) => string },
) {
  const { limit, after } = cursors.pageOf(request, list, ['text']);
  const keyAfter = String(after?.[0] ?? '');
  const rest = items
    .filter((item) => keyOf(item) > keyAfter)
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .slice(0, limit + 1);
  const cursorAt = (item: T) => cursors.cursorOf(list, [keyOf(item)]);
  return listBody(rest, limit, (item) => item, cursorAt);
}

/** Longer addresses than this are of no use in a header: clients bound the head of an answer. */
const LINK_LENGTH_MAX = 4_096;

/** RFC 8288: where the next page is, as seen from the request; its body says the same. */
export function linkToNext(
  { path, query }: Pick<ApiRequest, 'path' | 'query'>,
  cursor: string | null,
): Readonly<Record<string, string>> {
  if (cursor === null) return {};
  query.set('cursor', cursor);
  const link = `<${path}?${query.toString()}>; rel="next"`;
  return link.length > LINK_LENGTH_MAX ? {} : { link };
}

/** A page as an answer. */
export const listReply = <B extends { readonly next_cursor: string | null }>(
  request: Pick<ApiRequest, 'path' | 'query'>,
  body: B,
): Reply => ({ status: 200, headers: linkToNext(request, body.next_cursor), body });

export const unknownCursor = (): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The cursor is not of this list.', [
    {
      field: 'cursor',
      code: 'unknown_cursor',
      message: 'is not a cursor of this list: begin again without one',
    },
  ]);

/** A cursor that another release sealed may have another shape. */
function placeIn(text: string | undefined, shape: readonly Part[]): Place | undefined {
  if (text === undefined) return undefined;
  const place = JSON.parse(text) as unknown[];
  const fits = shape.length === place.length && shape.every((part, i) => isPart[part](place[i]));
  return fits ? (place as Place) : undefined;
}

const isPart: Record<Part, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string',
  position: (value) => typeof value === 'string' && /^\d{1,18}$/.test(value),
  number: (value) => Number.isSafeInteger(value),
};
