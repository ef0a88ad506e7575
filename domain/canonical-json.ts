/**
 * One text for one JSON value (RFC 8785, JSON Canonicalization Scheme), and its digest.
 *
 * Two bodies that differ only in key order, spacing or the notation of a string or number have one
 * canonical text; it is what an idempotency key is compared by. Values come from `readJson`, which
 * has refused what the RFC forbids: lone surrogates, duplicate keys, numbers beyond a double.
 */

import { hash } from 'node:crypto';

/**
 * The canonical text. Members that are undefined are left out, as JSON.stringify does; what JSON
 * cannot say (bigint, function, NaN, Infinity) throws a TypeError, because hashing a stand-in for
 * it would make different values equal.
 */
export function canonicalJson(value: unknown): string {
  return isCanonical(value) ? JSON.stringify(value) : canonicalText(value);
}

/**
 * The same of plain objects of which most have the keys of the one before: the order of those is
 * kept, with the keys as they are written.
 */
export function openCanonicalWriter(): (object: JsonObject) => string {
  let keys: readonly string[] = [];
  let members: readonly Member[] = [];
  return (object) => {
    const own = Object.keys(object);
    if (!isSame(own, keys)) {
      keys = own;
      members = own.toSorted().map((key) => ({ key, written: `${JSON.stringify(key)}:` }));
    }
    let text = '';
    for (const { key, written } of members) {
      const value = object[key];
      if (value === undefined) continue;
      text += (text === '' ? '{' : ',') + written;
      text += typeof value === 'string' ? stringText(value) : canonicalJson(value);
    }
    return text === '' ? '{}' : `${text}}`;
  };
}

/** A string in JSON. One of nothing but plain ASCII is written as it is. */
export const stringText = (value: string): string =>
  PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);

const PLAIN = /^[ !#-[\]-~]*$/;

/** Lower-case hex SHA-256; text is digested as UTF-8. */
export function sha256Hex(content: string | Buffer): string {
  return hash('sha256', content, 'hex');
}

type JsonObject = Readonly<Record<string, unknown>>;

interface Member {
  readonly key: string;
  /** With what stands before its value. */
  readonly written: string;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let n = 0; n < one.length; n++) if (one[n] !== other[n]) return false;
  return true;
}

/**
 * Whether JSON.stringify writes the canonical text: every key stands behind the one before it, and
 * no value is one that it would leave out, or write as another one.
 */
function isCanonical(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1)
      if (!isCanonical(value[index])) return false;
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  let before = '';
  for (const key in value) {
    if (key < before || !isCanonical((value as JsonObject)[key])) return false;
    before = key;
  }
  return true;
}

function canonicalText(value: unknown): string {
  if (typeof value === 'string') return stringText(value);
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (typeof value !== 'object') throw new TypeError(`A ${typeof value} has no JSON form`);
  return Array.isArray(value) ? canonicalArray(value) : canonicalObject(value as JsonObject);
}

/** ECMAScript's own notation is the one that RFC 8785 prescribes; -0 becomes 0. */
function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`);
  return `${value}`;
}

function canonicalArray(items: readonly unknown[]): string {
  let text = '[';
  for (let index = 0; index < items.length; index += 1) {
    if (index > 0) text += ',';
    text += canonicalText(items[index]);
  }
  return `${text}]`;
}

/** `sort()` without a comparer orders by UTF-16 code units, as the RFC asks. */
function canonicalObject(object: JsonObject): string {
  let text = '';
  for (const key of Object.keys(object).sort()) {
    const value = object[key];
    if (value === undefined) continue;
    text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${canonicalText(value)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}
