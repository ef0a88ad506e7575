/**
 * Templates of the catalogue: any JSON in whose texts `{{ expression }}` stands for a value. A text
 * that is one expression takes the value as it is, whatever its type; in a longer text values are
 * written out. What has no value is left out: a field of an object, an item of a list, and a text
 * one of whose expressions has none.
 */
import { compileExpression, type Expression, type Functions } from './expressions.js';

export interface Template {
  /** Undefined where nothing is left. `written` is applied to values within a longer text. */
  fill(
    context: unknown,
    functions: Functions,
    written?: (value: string) => string,
  ): Promise<unknown>;
}

const DEPTH_MAX = 50;

/** `problems` takes a sentence for each place that is wrong; then the template is of no use. */
export function compileTemplate(
  source: unknown,
  place: string,
  ownFunctions: readonly string[],
  problems: string[],
  depth = 0,
): Template {
  const inner = (part: unknown, at: string) =>
    compileTemplate(part, at, ownFunctions, problems, depth + 1);
  if (depth > DEPTH_MAX) problems.push(`${place}: is nested deeper than ${DEPTH_MAX}`);
  else if (typeof source === 'string') return ofText(source, place, ownFunctions, problems);
  else if (Array.isArray(source))
    return ofList(source.map((part, index) => inner(part, `${place}[${index}]`)));
  else if (typeof source === 'object' && source !== null)
    return ofObject(
      Object.entries(source).map(([name, part]) => [name, inner(part, `${place}.${name}`)]),
    );
  return { fill: () => Promise.resolve(source) };
}

const ofList = (items: readonly Template[]): Template => ({
  async fill(...given) {
    const filled: unknown[] = [];
    for (const item of items) {
      const value = await item.fill(...given);
      if (value !== undefined) filled.push(value);
    }
    return filled;
  },
});

const ofObject = (fields: readonly (readonly [string, Template])[]): Template => ({
  async fill(...given) {
    const filled: [string, unknown][] = [];
    for (const [name, field] of fields) {
      const value = await field.fill(...given);
      if (value !== undefined) filled.push([name, value]);
    }
    return Object.fromEntries(filled);
  },
});

const EXPRESSION = /\{\{((?:[^}]|\}(?!\}))*)\}\}/g;

function ofText(
  text: string,
  place: string,
  ownFunctions: readonly string[],
  problems: string[],
): Template {
  const pieces: (string | Expression)[] = [];
  let end = 0;
  for (const found of text.matchAll(EXPRESSION)) {
    if (found.index > end) pieces.push(text.slice(end, found.index));
    end = found.index + found[0].length;
    const compiled = compileExpression((found[1] ?? '').trim(), ownFunctions, 'input');
    if ('problem' in compiled) problems.push(`${place}: ${compiled.problem}`);
    else pieces.push(compiled.expression);
  }
  const rest = text.slice(end);
  if (rest.includes('{{')) problems.push(`${place}: '{{' has no '}}' after it`);
  if (rest !== '' || pieces.length === 0) pieces.push(rest);
  return pieces.length === 1 ? ofOne(pieces[0] ?? '') : ofPieces(pieces);
}

const ofOne = (piece: string | Expression): Template => ({
  async fill(context, functions, written) {
    if (typeof piece === 'string') return piece;
    const value = await piece.valueOf(context, functions);
    return written && value !== undefined ? written(wordsOf(value)) : value;
  },
});

const ofPieces = (pieces: readonly (string | Expression)[]): Template => ({
  async fill(context, functions, written = (value) => value) {
    let filled = '';
    for (const piece of pieces) {
      if (typeof piece === 'string') filled += piece;
      else {
        const value = await piece.valueOf(context, functions);
        if (value === undefined) return undefined;
        filled += written(wordsOf(value));
      }
    }
    return filled;
  },
});

export const wordsOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
