/** Conditional reads (RFC 9110). Entity tags are weak: a later release may add fields. */
import { hash } from 'node:crypto';
import type { Reply } from './route.js';

interface Tagged {
  /** Names this state of the resource; visible ASCII without quotes. */
  readonly tag: string;
  /** The request's header. */
  readonly ifNoneMatch: string | undefined;
}

/** Whoever has this state already is told so; `rest` is the answer to anybody else. */
export function tagged({ tag, ifNoneMatch }: Tagged, rest: Reply): Reply {
  const etag = `W/"${tag}"`;
  const headers = { ...rest.headers, etag, 'cache-control': 'private, no-cache' };
  if (!matches(ifNoneMatch, etag)) return { ...rest, headers };
  const { 'content-type': _, ...kept } = headers as Record<string, string>;
  return { status: 304, headers: kept };
}

/** Of a body that has no version of its own. */
export const tagOf = (body: unknown): string =>
  hash('sha256', JSON.stringify(body), 'hex').slice(0, 32);

/** By the weak comparison, which is that of reads. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  const opaque = etag.slice(2);
  return (ifNoneMatch.match(entityTags) ?? []).some((one) => one.replace(/^W\//, '') === opaque);
}

const entityTags = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
