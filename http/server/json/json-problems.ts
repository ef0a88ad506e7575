/**
 * Says what is wrong with a JSON text and where.
 *
 * This is the careful half of `readJson`: it reads RFC 8259 byte by byte and names the first thing
 * that the HTTP edge refuses. It runs only on texts that the quick half could not clear, so it is
 * written to be exact rather than fast; it is linear, and never deeper than `depthMax`.
 */

export type JsonProblemCode =
  | 'invalid_utf8'
  | 'byte_order_mark'
  | 'empty'
  | 'syntax'
  | 'too_deep'
  | 'too_many_keys'
  | 'too_many_values'
  | 'duplicate_key'
  | 'forbidden_key'
  | 'nul_character'
  | 'lone_surrogate'
  | 'number_overflow'
  | 'unsafe_integer';

/** `offset` counts bytes from the start of the body. */
export interface JsonProblem {
  readonly code: JsonProblemCode;
  readonly message: string;
  readonly offset: number;
}

export interface JsonLimits {
  readonly depthMax: number;
  readonly keysMax: number;
  readonly valuesMax: number;
}

/** A read function answers true when its part was fine; otherwise `problem` says what was not. */
interface Reader {
  readonly bytes: Buffer;
  readonly limits: JsonLimits;
  at: number;
  depth: number;
  keys: number;
  values: number;
  problem: JsonProblem | undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const LETTER_U = 0x75;
const SIMPLE_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));
/** Every integer of so many digits is below 2^53. */
const SHORT_DIGITS_MAX = 15;
const QUOTED_KEY_LENGTH_MAX = 64;
const words: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]),
);
const numberGrammar = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** The first problem of a text that is valid UTF-8, or undefined when it may be accepted. */
export function findProblem(bytes: Buffer, limits: JsonLimits): JsonProblem | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return problem('byte_order_mark', 0, 'The body starts with a byte order mark.');
  }
  const reader: Reader = {
    bytes,
    limits,
    at: 0,
    depth: 0,
    keys: 0,
    values: 0,
    problem: undefined,
  };
  skipSpace(reader);
  if (reader.at === bytes.length) return problem('empty', 0, 'The body is empty.');
  if (!readValue(reader)) return reader.problem;
  skipSpace(reader);
  if (reader.at < bytes.length) unexpected(reader);
  return reader.problem;
}

/** Where a text stops being UTF-8: decoding and encoding it again first differs inside U+FFFD. */
export function utf8Problem(bytes: Buffer): JsonProblem {
  const replaced = Buffer.from(bytes.toString('utf8'), 'utf8');
  let offset = 0;
  while (bytes[offset] === replaced[offset]) offset += 1;
  const intoReplacement = [0xef, 0xbf, 0xbd].indexOf(replaced[offset] ?? 0xef);
  return problem('invalid_utf8', offset - intoReplacement, 'The body is not valid UTF-8.');
}

export const tooManyValues = (offset: number, valuesMax: number): JsonProblem =>
  problem('too_many_values', offset, `The body may have at most ${valuesMax} values.`);

function readValue(reader: Reader): boolean {
  const byte = reader.bytes[reader.at];
  const { valuesMax } = reader.limits;
  reader.values += 1;
  if (reader.values > valuesMax) {
    reader.problem = tooManyValues(reader.at, valuesMax);
    return false;
  }
  if (byte === OPEN_BRACE) return readNested(reader, readMembers);
  if (byte === OPEN_BRACKET) return readNested(reader, readItems);
  if (byte === QUOTE) return readString(reader);
  if (byte === 0x2d || isDigit(byte)) return readNumber(reader);
  return readWord(reader);
}

function readNested(reader: Reader, readInside: (reader: Reader) => boolean): boolean {
  const { depthMax } = reader.limits;
  if (reader.depth === depthMax) {
    return refuse(reader, 'too_deep', reader.at, `JSON may be nested at most ${depthMax} deep.`);
  }
  reader.depth += 1;
  reader.at += 1;
  skipSpace(reader);
  const fine = readInside(reader);
  reader.depth -= 1;
  return fine;
}

function readMembers(reader: Reader): boolean {
  const seen = new Set<string>();
  if (take(reader, CLOSE_BRACE)) return true;
  for (;;) {
    if (reader.bytes[reader.at] !== QUOTE) return unexpected(reader);
    if (!readKey(reader, seen)) return false;
    skipSpace(reader);
    if (!take(reader, COLON)) return unexpected(reader);
    skipSpace(reader);
    if (!readValue(reader)) return false;
    skipSpace(reader);
    if (take(reader, CLOSE_BRACE)) return true;
    if (!take(reader, COMMA)) return unexpected(reader);
    skipSpace(reader);
  }
}

function readItems(reader: Reader): boolean {
  if (take(reader, CLOSE_BRACKET)) return true;
  for (;;) {
    if (!readValue(reader)) return false;
    skipSpace(reader);
    if (take(reader, CLOSE_BRACKET)) return true;
    if (!take(reader, COMMA)) return unexpected(reader);
    skipSpace(reader);
  }
}

/** Keys are compared after their escapes are undone: "a" and "\u0061" are one key. */
function readKey(reader: Reader, seen: Set<string>): boolean {
  const start = reader.at;
  if (!readString(reader)) return false;
  const key = JSON.parse(reader.bytes.toString('utf8', start, reader.at)) as string;
  const { keysMax } = reader.limits;
  reader.keys += 1;
  if (reader.keys > keysMax) {
    return refuse(reader, 'too_many_keys', start, `The body may have at most ${keysMax} keys.`);
  }
  if (key === '__proto__') {
    return refuse(reader, 'forbidden_key', start, 'The key "__proto__" is not allowed.');
  }
  if (seen.has(key)) {
    const message = `The key ${quoted(key)} appears twice in one object.`;
    return refuse(reader, 'duplicate_key', start, message);
  }
  seen.add(key);
  return true;
}

function readString(reader: Reader): boolean {
  const { bytes } = reader;
  reader.at += 1;
  for (; reader.at < bytes.length; reader.at += 1) {
    const byte = bytes[reader.at]!;
    if (byte === QUOTE) {
      reader.at += 1;
      return true;
    }
    if (byte === 0) return nulCharacter(reader);
    if (byte < 0x20) return unexpected(reader);
    if (byte === BACKSLASH && !readEscape(reader)) return false;
  }
  return unexpected(reader);
}

/** Starts on the backslash and ends on the last character of the escape. */
function readEscape(reader: Reader): boolean {
  const { bytes, at } = reader;
  if (bytes[at + 1] !== LETTER_U) {
    reader.at += 1;
    return SIMPLE_ESCAPES.has(bytes[at + 1]!) || unexpected(reader);
  }
  const unit = hex4(bytes, at + 2);
  if (unit === undefined) return unexpected(reader);
  if (unit === 0) return nulCharacter(reader);
  reader.at += 5;
  if (unit < 0xd800 || unit > 0xdfff) return true;
  const low = bytes[at + 6] === BACKSLASH && bytes[at + 7] === LETTER_U && hex4(bytes, at + 8);
  reader.at += 6;
  if (unit <= 0xdbff && typeof low === 'number' && low >= 0xdc00 && low <= 0xdfff) return true;
  const message = 'A string holds half of a surrogate pair, which is not a character.';
  return refuse(reader, 'lone_surrogate', at, message);
}

/**
 * A number without fraction or exponent is an integer and must survive a double unchanged; one
 * written with either is a double by its own account and must only be finite.
 */
function readNumber(reader: Reader): boolean {
  const start = reader.at;
  if (readShortInteger(reader)) return true;
  while (isNumberPart(reader.bytes[reader.at])) reader.at += 1;
  const token = reader.bytes.toString('latin1', start, reader.at);
  if (!numberGrammar.test(token)) {
    reader.at = start;
    return refuse(reader, 'syntax', start, `The number at byte ${start} is not valid JSON.`);
  }
  const value = Number(token);
  if (!/[.eE]/.test(token) && !Number.isSafeInteger(value)) {
    const message = 'Integers must lie between -9007199254740991 and 9007199254740991.';
    return refuse(reader, 'unsafe_integer', start, message);
  }
  if (Number.isFinite(value)) return true;
  return refuse(reader, 'number_overflow', start, 'A number is too large to be represented.');
}

/** Most numbers are so short that there is nothing to doubt; it moves on only past those. */
function readShortInteger(reader: Reader): boolean {
  const { bytes, at: start } = reader;
  let at = start;
  while (isDigit(bytes[at])) at += 1;
  const digits = at - start;
  const isLed = bytes[start] === 0x30 && digits > 1;
  if (digits === 0 || digits > SHORT_DIGITS_MAX || isLed || isNumberPart(bytes[at])) return false;
  reader.at = at;
  return true;
}

function readWord(reader: Reader): boolean {
  const { bytes, at } = reader;
  const word = words.get(bytes[at] ?? 0);
  if (!word || bytes.toString('latin1', at, at + word.length) !== word) return unexpected(reader);
  reader.at += word.length;
  return true;
}

function skipSpace(reader: Reader): void {
  while (isSpace(reader.bytes[reader.at])) reader.at += 1;
}

function take(reader: Reader, byte: number): boolean {
  if (reader.bytes[reader.at] !== byte) return false;
  reader.at += 1;
  return true;
}

function unexpected(reader: Reader): false {
  const { at } = reader;
  const message =
    at >= reader.bytes.length
      ? 'The JSON text ends too early.'
      : `The character ${quoted(charAt(reader))} at byte ${at} is not valid JSON there.`;
  return refuse(reader, 'syntax', Math.min(at, reader.bytes.length), message);
}

function nulCharacter(reader: Reader): false {
  return refuse(reader, 'nul_character', reader.at, 'A string holds the NUL character (U+0000).');
}

function refuse(reader: Reader, code: JsonProblemCode, offset: number, message: string): false {
  reader.problem = problem(code, offset, message);
  return false;
}

function problem(code: JsonProblemCode, offset: number, message: string): JsonProblem {
  return { code, message, offset };
}

/** The whole character at the reader, which may be several bytes long. */
function charAt(reader: Reader): string {
  const [char = ''] = reader.bytes.toString('utf8', reader.at, reader.at + 4);
  return char;
}

function quoted(text: string): string {
  if (text.length <= QUOTED_KEY_LENGTH_MAX) return JSON.stringify(text);
  return JSON.stringify(`${text.slice(0, QUOTED_KEY_LENGTH_MAX)}…`);
}

function hex4(bytes: Buffer, start: number): number | undefined {
  let value = 0;
  for (let at = start; at < start + 4; at += 1) {
    const digit = hexDigit(bytes[at]);
    if (digit === undefined) return undefined;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(byte = 0): number | undefined {
  if (isDigit(byte)) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Digits and + - . e E: everything a number may be made of. */
function isNumberPart(byte: number | undefined): boolean {
  if (byte === 0x2b || byte === 0x2d || byte === 0x2e) return true;
  return isDigit(byte) || byte === 0x45 || byte === 0x65;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
