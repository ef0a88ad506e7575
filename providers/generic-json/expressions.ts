/**
 * Expressions of the catalogue: JSONata, of the part that always ends. What binds, defines, loops,
 * sorts, descends without bound, evaluates text or has a pattern is refused when the catalogue is
 * read. What is left does work in proportion to the answer, and is cut after a time all the same,
 * since answers are strangers'.
 */
import jsonata from 'jsonata';

/** What `$name(…)` may be beside the functions of the language. */
export type Functions = Readonly<Record<string, (argument: unknown) => unknown>>;

export interface Expression {
  /** Undefined where there is no value, or none that can be worked out. */
  valueOf(context: unknown, functions?: Functions): Promise<unknown>;
}

/** One evaluation takes microseconds; a million objects in an answer take a third of a second. */
const EVALUATION_MS_MAX = 500;
const DEPTH_MAX = 200;
const SEQUENCE_MAX = 10_000_000;

/**
 * An expression, or a sentence that says what is wrong with it. One about an input may wait for its
 * files, which a store gives when it can: it has no limit of time.
 */
export function compileExpression(
  text: string,
  ownFunctions: readonly string[] = [],
  about: 'input' | 'answer' = 'answer',
): { readonly expression: Expression } | { readonly problem: string } {
  let compiled: jsonata.Expression;
  try {
    const bounds = { stack: DEPTH_MAX, sequence: SEQUENCE_MAX };
    const isTimed = about === 'answer';
    compiled = jsonata(text, isTimed ? { ...bounds, timeout: EVALUATION_MS_MAX } : bounds);
  } catch (error) {
    const { message, position } = error as jsonata.JsonataError;
    const place = position === undefined ? '' : ` at character ${position}`;
    return { problem: `'${text}' is no expression: ${message}${place}` };
  }
  const refused = refusedIn(compiled.ast(), ownFunctions);
  if (refused !== undefined) return { problem: `'${text}': ${refused}` };
  return { expression: evaluated(compiled) };
}

function evaluated(compiled: jsonata.Expression): Expression {
  return {
    async valueOf(context, functions) {
      try {
        const value: unknown = await compiled.evaluate(context, functions);
        return value === null || typeof value === 'function' ? undefined : value;
      } catch (error) {
        // The language's own errors are about the data: a text where a number was expected.
        if (typeof (error as jsonata.JsonataError).code === 'string') return undefined;
        if (error instanceof RangeError) return undefined;
        throw error;
      }
    },
  };
}

const nodeTypes = new Set([
  'binary',
  'block',
  'condition',
  'filter',
  'function',
  'name',
  'number',
  'path',
  'string',
  'unary',
  'value',
  'variable',
  'wildcard',
]);

/** Of the language; none takes a function, a pattern or a length, nor compares all with all. */
const functionNames = new Set(
  (
    'string number boolean length substring substringBefore substringAfter uppercase lowercase ' +
    'trim contains split join replace abs floor ceil round sum max min average not exists count ' +
    'append merge keys lookup reverse type base64encode base64decode ' +
    'encodeUrlComponent decodeUrlComponent fromMillis toMillis'
  ).split(' '),
);

type Node = Readonly<Record<string, unknown>>;

function refusedIn(root: unknown, ownFunctions: readonly string[]): string | undefined {
  const open: unknown[] = [root];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (typeof part !== 'object' || part === null) continue;
    const node = part as Node;
    const { type } = node;
    if (typeof type === 'string') {
      if (!nodeTypes.has(type)) return `'${wordOf(node)}' is not allowed here`;
      const refused = refusedNode(node, ownFunctions);
      if (refused !== undefined) return refused;
    }
    for (const [name, child] of Object.entries(node))
      if (!(type === 'function' && name === 'procedure') && child !== undefined && child !== null)
        open.push(child);
  }
  return undefined;
}

function refusedNode(node: Node, ownFunctions: readonly string[]): string | undefined {
  const { type, value, procedure, expressions } = node;
  if (node['focus'] ?? node['index'] ?? node['group'])
    return 'variables and groups are not allowed here';
  if (type === 'binary' && value === '..') return 'a range is not allowed here';
  if (type === 'block' && Array.isArray(expressions) && expressions.length > 1)
    return 'there may be one expression only';
  if (type === 'variable' && value !== '' && value !== '$' && !ownFunctions.includes(`${value}`))
    return `there is no variable $${value}`;
  if (type !== 'function') return undefined;
  const name = (procedure as { value?: unknown } | undefined)?.value;
  if (typeof name !== 'string') return 'only functions of the language can be called';
  return functionNames.has(name) || ownFunctions.includes(name)
    ? undefined
    : `there is no function $${name} here`;
}

const wordOf = ({ type, value }: Node): string =>
  typeof value === 'string' && value !== '' ? value : `${type}`;
