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
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (typeof value !== 'object') throw new TypeError(`A ${typeof value} has no JSON form`);
  return Array.isArray(value) ? canonicalArray(value) : canonicalObject(value as JsonObject);
}

/** Lower-case hex SHA-256; text is digested as UTF-8. */
export function sha256Hex(content: string | Buffer): string {
  return hash('sha256', content, 'hex');
}

type JsonObject = Record<string, unknown>;

/** ECMAScript's own notation is the one that RFC 8785 prescribes; -0 becomes 0. */
function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`);
  return `${value}`;
}

function canonicalArray(items: readonly unknown[]): string {
  let text = '[';
  for (let index = 0; index < items.length; index += 1) {
    if (index > 0) text += ',';
    text += canonicalJson(items[index]);
  }
  return `${text}]`;
}

/** `sort()` without a comparer orders by UTF-16 code units, as the RFC asks. */
function canonicalObject(object: JsonObject): string {
  let text = '';
  for (const key of Object.keys(object).sort()) {
    const value = object[key];
    if (value === undefined) continue;
    text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${canonicalJson(value)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}
