/**
 * What the body of a refusal says, in whichever shape: OpenAI's envelope, Google's with its
 * details, a flat one, a list around it, FastAPI's `detail`, an RFC 9457 problem, text, or JSON
 * inside of a message. It is read for words, never quoted: a body may hold the caller's prompt.
 */
import { isObject } from './json-object.js';
import { pauseSaidIn } from './pauses.js';

export interface ErrorBody {
  /** Codes, types and reasons, normalised, the outermost first. */
  readonly words: readonly string[];
  /** Lower-case text for patterns; never shown. */
  readonly text: string;
  /** The parameter that is named as wrong, as the provider spells it. */
  readonly param: string | undefined;
  /** What a moderation found, as the provider spells it. */
  readonly categories: readonly string[];
  /** A status that the body states. */
  readonly status: number | undefined;
}

const NODES_MAX = 32;
const TEXT_CHARS_MAX = 2_000;
/** A message may go on with what the caller sent. */
const MESSAGE_CHARS_MAX = 400;

/** `ContentFilter`, `content-filter` and `content_filter` are one word. */
export const normalised = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');

export function readErrorBody(body: unknown): ErrorBody {
  const nodes = nodesOf(body);
  const found: Found = { words: [], texts: [], params: [], categories: [], statuses: [] };
  for (const node of nodes) readNode(node, found);
  return {
    words: found.words,
    text: found.texts.join('\n').slice(0, TEXT_CHARS_MAX).toLowerCase(),
    param: found.params[0],
    categories: found.categories,
    status: found.statuses[0],
  };
}

type Node = Readonly<Record<string, unknown>> | string;

/** Where errors are found inside of errors, breadth first. */
const INSIDE = [
  'error',
  'errors',
  'detail',
  'details',
  'innererror',
  'inner_error',
  'metadata',
  'provider_specific_fields',
  'base_resp',
  'raw',
  'message',
  'fault',
  'cause',
  'invalid_fields',
  'fieldViolations',
];

function nodesOf(body: unknown): Node[] {
  const nodes: Node[] = [];
  const open: unknown[] = [body];
  for (let next = 0; next < open.length && nodes.length < NODES_MAX; next++) {
    const value = unpacked(open[next]);
    if (Array.isArray(value)) open.push(...(value as unknown[]).slice(0, 8));
    else if (typeof value === 'string') nodes.push(value);
    else if (isObject(value)) {
      nodes.push(value);
      for (const name of INSIDE) if (Object.hasOwn(value, name)) open.push(value[name]);
    }
  }
  return nodes;
}

/** A gateway may wrap the answer of the server behind it as the text of a message. */
function unpacked(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value) || value.length > 16_384) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

interface Found {
  readonly words: string[];
  readonly texts: string[];
  readonly params: string[];
  readonly categories: string[];
  readonly statuses: number[];
}

const WORDS = [
  'code',
  'type',
  'status',
  'reason',
  'name',
  'kind',
  'error_type',
  'error_code',
  'errorCode',
  'errorType',
  'status_code',
  '__type',
  'title',
];
const TEXTS = ['msg', 'error_msg', 'status_msg', 'errorMessage', 'description', 'title', 'reason'];
const WORD_CHARS_MAX = 80;

function readNode(node: Node, found: Found): void {
  if (typeof node === 'string') {
    found.texts.push(node.slice(0, MESSAGE_CHARS_MAX));
    if (/^[\w.-]{3,64}$/.test(node)) found.words.push(normalised(node));
    return;
  }
  for (const name of WORDS) {
    const value = node[name];
    const isWord = typeof value === 'string' && value.length <= WORD_CHARS_MAX;
    if (isWord && !/^\d+$/.test(value)) found.words.push(normalised(value));
    if (typeof value === 'number' || (isWord && /^\d+$/.test(value)))
      readNumber(name, Number(value), found);
  }
  for (const name of TEXTS) {
    const value = node[name];
    if (typeof value === 'string') found.texts.push(value.slice(0, MESSAGE_CHARS_MAX));
  }
  readParam(node, found);
  readCategories(node, found);
}

/** A number of three digits is a status; any other is a word of the vendor's own. */
function readNumber(name: string, value: number, { statuses, words }: Found): void {
  if (value >= 400 && value <= 599) statuses.push(value);
  else if (value !== 0 && value !== 200) words.push(`${normalised(name)}${value}`);
}

function readParam(node: Readonly<Record<string, unknown>>, { params }: Found): void {
  const { param, field, loc } = node;
  for (const named of [param, field])
    if (typeof named === 'string' && named !== '' && named.toLowerCase() !== 'none')
      params.push(named);
  const path = Array.isArray(loc) ? (loc as unknown[]).filter((one) => one !== 'body') : [];
  if (typeof path[0] === 'string') params.push(path[0]);
}

/** Azure's results by category, a gateway's reasons, and a moderation's flags. */
function readCategories(node: Readonly<Record<string, unknown>>, { categories }: Found): void {
  for (const [name, value] of Object.entries(node)) {
    if (!/^(content_filter_results?|categories|reasons|violations|flagged_categories)$/.test(name))
      continue;
    if (Array.isArray(value))
      categories.push(...(value as unknown[]).filter((one) => typeof one === 'string'));
    if (!isObject(value)) continue;
    for (const [category, verdict] of Object.entries(value))
      if (verdict === true || (isObject(verdict) && verdict['filtered'] === true))
        categories.push(category);
  }
}

/** Pauses that are asked for in the body, by a field or in a sentence, instead of in a header. */
export function pausesInside(body: unknown): string[] {
  const asked = nodesOf(body).flatMap((node) => {
    if (!isObject(node)) return [pauseSaidIn(node.slice(0, TEXT_CHARS_MAX))];
    const { retry_after: snake, retryAfter: camel, retry_after_seconds: long, retryDelay } = node;
    return [snake, camel, long, retryDelay];
  });
  return asked.filter((one) => typeof one === 'number' || typeof one === 'string').map(String);
}

/** Headers of the answer that a gateway got, where it passes them on inside of its own. */
export function headersInside(body: unknown): Readonly<Record<string, unknown>>[] {
  return nodesOf(body).flatMap((node) => {
    const headers = isObject(node) ? node['headers'] : undefined;
    if (!isObject(headers)) return [];
    const entries = Object.entries(headers).slice(0, NODES_MAX);
    return [Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]))];
  });
}
