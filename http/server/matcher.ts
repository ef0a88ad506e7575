/**
 * Finds what answers a request. A path without parameters is one look-up; any other is walked
 * segment by segment, where a literal goes before a parameter: `/executions/batch` has its own
 * methods, and none of `/executions/{id}`. Case matters, and so do escapes, doubled slashes and a
 * slash at the end: only the value of a parameter is decoded.
 */

export interface Match<T> {
  readonly target: T;
  readonly params: Readonly<Record<string, string>>;
  /** A parameter whose value is no text that could be stored: its escapes are no UTF-8, or NUL. */
  readonly malformed?: string;
}

export interface Matcher<T> {
  /** `path: /executions/{id}`. HEAD is answered by what answers GET. */
  add(method: string, path: string, target: T): void;
  /** A method that other processes answer: it is allowed, and found nowhere here. */
  addElsewhere(method: string, path: string): void;
  find(method: string, url: string): Match<T> | undefined;
  /** The methods of a URL's path, in order; empty for a path that nothing answers. */
  allowed(url: string): readonly string[];
}

/** Below one path, up to a slash. */
interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  parameter: { readonly name: string; readonly node: Node<T> } | undefined;
  /** Undefined for what is answered elsewhere. */
  readonly targets: Map<string, T | undefined>;
}

interface Found<T> {
  readonly targets: Node<T>['targets'];
  readonly params: Record<string, string>;
  malformed?: string;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

export function openMatcher<T>(): Matcher<T> {
  const root = newNode<T>();
  const literals = new Map<string, Map<string, Match<T>>>();
  const addTo = (path: string, method: string, target: T | undefined) => {
    const { targets } = nodeAt(root, path);
    targets.set(method, target);
    if (method === 'GET') targets.set('HEAD', target);
    if (target === undefined || path.includes('{')) return;
    const matches = literals.get(path) ?? new Map<string, Match<T>>();
    literals.set(path, matches.set(method, { target, params: NO_PARAMS }));
  };
  return {
    add: (method, path, target) => addTo(path, method, target),
    addElsewhere: (method, path) => addTo(path, method, undefined),
    find(method, url) {
      const path = pathOf(url);
      return literals.get(path)?.get(method) ?? matchOf(walk(root, path, 1), method);
    },
    allowed: (url) => [...(walk(root, pathOf(url), 1)?.targets.keys() ?? [])].sort(),
  };
}

const newNode = <T>(): Node<T> => ({
  literals: new Map(),
  parameter: undefined,
  targets: new Map(),
});

function nodeAt<T>(root: Node<T>, path: string): Node<T> {
  let node = root;
  for (const segment of path.slice(1).split('/')) {
    const [, name] = /^\{(\w+)\}$/.exec(segment) ?? [];
    node = name === undefined ? literalOf(node, segment) : parameterOf(node, name, path);
  }
  return node;
}

function literalOf<T>(parent: Node<T>, segment: string): Node<T> {
  const node = parent.literals.get(segment) ?? newNode<T>();
  parent.literals.set(segment, node);
  return node;
}

function parameterOf<T>(parent: Node<T>, name: string, path: string): Node<T> {
  parent.parameter ??= { name, node: newNode<T>() };
  if (parent.parameter.name === name) return parent.parameter.node;
  throw new Error(`${path} calls {${name}} what others call {${parent.parameter.name}}`);
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}

function matchOf<T>(found: Found<T> | undefined, method: string): Match<T> | undefined {
  const target = found?.targets.get(method);
  if (found === undefined || target === undefined) return undefined;
  const { params, malformed } = found;
  return malformed === undefined ? { target, params } : { target, params, malformed };
}

/**
 * The first path that something answers. Parameters are filled in on the way back, so that a way
 * that led nowhere leaves none behind.
 */
function walk<T>(node: Node<T>, path: string, at: number): Found<T> | undefined {
  if (at > path.length)
    return node.targets.size === 0 ? undefined : { targets: node.targets, params: {} };
  const end = segmentEnd(path, at);
  const segment = path.slice(at, end);
  const literal = node.literals.get(segment);
  const found = literal && walk(literal, path, end + 1);
  const { parameter } = node;
  if (found || !parameter || segment === '') return found;
  const below = walk(parameter.node, path, end + 1);
  if (!below) return undefined;
  const value = decodedText(segment);
  if (value === undefined) below.malformed = parameter.name;
  below.params[parameter.name] = value ?? '';
  return below;
}

function segmentEnd(path: string, at: number): number {
  const slash = path.indexOf('/', at);
  return slash < 0 ? path.length : slash;
}

/** Undefined for escapes that are none, or no UTF-8, and for NUL, which nothing stores. */
export function decodedText(text: string): string | undefined {
  if (!text.includes('%')) return isAscii(text) ? text : undefined;
  try {
    const decoded = decodeURIComponent(text);
    return isAscii(text) && !decoded.includes('\0') ? decoded : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 3986 has nothing else in a URL; Node reads other bytes as Latin-1. */
const isAscii = (text: string): boolean => !/[^\x20-\x7e]/.test(text);
