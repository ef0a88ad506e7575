/**
 * A difference, written into the text of a catalogue. Only the places that change are replaced, by
 * where the parsed document says that they are: every other byte stays, comments and order too.
 */
import { isMap, isNode, isScalar, isSeq, parseDocument, stringify, visit } from 'yaml';
import type { Document, Node, YAMLMap } from 'yaml';
import type { Modality } from '../../contracts/events/execution.js';
import { StartError } from '../../infra/start-error.js';
import type { Difference } from './difference.js';
import { importedSchemas } from './imported-schemas.js';
import type { ListedModel, ReadList } from './listed-model.js';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** `remove`: also what the list does not have any more. */
export function written(
  given: string,
  difference: Difference,
  list: ReadList,
  remove: boolean,
): string {
  const text = given.trim() === '' ? EMPTY : given.endsWith('\n') ? given : `${given}\n`;
  const document = parseDocument(text);
  const place: Place = { text, document };
  const edits: Edit[] = [];
  for (const { slug, index, cost, price } of difference.changed) {
    const at = ['models', slug, 'routes', index];
    edits.push(valueEdit(place, [...at, 'cost'], cost.after));
    if (price) edits.push(valueEdit(place, [...at, 'price'], price.after));
  }
  const gone = new Set<string>();
  for (const { slug, index, isLast } of remove ? difference.removed : []) {
    if (!isLast) edits.push(itemRemoval(place, ['models', slug, 'routes'], index));
    else if (!gone.has(slug)) edits.push(pairRemoval(place, 'models', slug));
    gone.add(slug);
  }
  const providers = difference.providers.map((slug) => [slug, list.providers.get(slug)] as const);
  if (providers.length > 0)
    edits.push(additionTo(place, 'providers', Object.fromEntries(providers)));
  if (difference.added.length > 0) {
    edits.push(...schemaEdits(place, difference.added));
    edits.push(additionOf(place, 'models', difference.added.map(modelText).join('')));
  }
  return applied(text, edits);
}

const EMPTY = 'providers: {}\n\nmodels: {}\n';

interface Place {
  readonly text: string;
  readonly document: Document;
}

function applied(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const { start, end, text: by } of [...edits].sort((one, other) => other.start - one.start))
    result = result.slice(0, start) + by + result.slice(end);
  return result;
}

/** On one line, as price lists are written. */
const flowText = (value: unknown): string =>
  stringify(value, { lineWidth: 0, singleQuote: true, collectionStyle: 'flow' }).trimEnd();

function valueEdit({ text, document }: Place, path: readonly unknown[], value: unknown): Edit {
  const node = document.getIn(path, true);
  const [start, end] = rangeOf(node);
  return { start, end: start + text.slice(start, end).trimEnd().length, text: flowText(value) };
}

function itemRemoval({ text, document }: Place, path: readonly unknown[], index: number): Edit {
  const list = document.getIn(path, true);
  const item = isSeq(list) ? list.items[index] : undefined;
  return linesOf(text, rangeOf(item)[0], lastOf(item));
}

function pairRemoval({ text, document }: Place, name: string, slug: string): Edit {
  const map = document.get(name);
  const pair = isMap(map) ? map.items.find(({ key }) => isScalar(key) && key.value === slug) : null;
  return linesOf(text, rangeOf(pair?.key)[0], lastOf(pair?.value));
}

/** Whole lines, from that of the first character to that of the last. */
const linesOf = (text: string, first: number, last: number): Edit => ({
  start: text.lastIndexOf('\n', first) + 1,
  end: lineAfter(text, last),
  text: '',
});

const lineAfter = (text: string, at: number): number => {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
};

const additionTo = (place: Place, name: string, entries: object): Edit =>
  additionOf(place, name, indented(blockText(entries)));

/** After the last entry of a top-level mapping, before the comments that follow it. */
function additionOf({ text, document }: Place, name: string, lines: string): Edit {
  const map = document.get(name);
  if (!isMap(map)) throw new StartError(`'${name}' of the catalogue is no mapping.`);
  if (map.items.length === 0) {
    const [start, end] = rangeOf(map);
    return { start, end, text: `\n${lines.trimEnd()}` };
  }
  if (map.flow === true)
    throw new StartError(`'${name}' of the catalogue is written in braces: give each a line.`);
  const start = lineAfter(text, lastOf(map));
  return { start, end: start, text: lines };
}

const blockText = (value: unknown): string =>
  stringify(value, { lineWidth: 100, singleQuote: true });

const indented = (text: string, by = '  '): string => text.replace(/^(?=.)/gm, by);

/** All imported models of a modality share one schema, which stands before the models. */
function schemaEdits(place: Place, added: readonly ListedModel[]): Edit[] {
  const schemas = place.document.get('schemas');
  const missing = [...new Set(added.map(({ modality }) => modality))].filter(
    (modality) => !isMap(schemas) || !schemas.has(schemaName(modality)),
  );
  if (missing.length === 0) return [];
  const lines = missing.map((modality) => {
    const name = schemaName(modality);
    const schema = indented(blockText(importedSchemas[modality]), '    ');
    return `  ${name}: &${name}\n${schema}`;
  });
  if (isMap(schemas)) return [additionOf(place, 'schemas', lines.join(''))];
  const start = beforeModels(place);
  return [{ start, end: start, text: `schemas:\n${lines.join('')}\n` }];
}

const schemaName = (modality: Modality): string => `imported-${modality}`;

/** Before the key and the comment that stands right over it. */
function beforeModels({ text, document }: Place): number {
  const { contents } = document;
  const pair = isMap(contents)
    ? contents.items.find(({ key }) => isScalar(key) && key.value === 'models')
    : undefined;
  let start = text.lastIndexOf('\n', rangeOf(pair?.key)[0]) + 1;
  for (;;) {
    const before = text.lastIndexOf('\n', start - 2) + 1;
    if (start === 0 || !text.startsWith('#', before)) return start;
    start = before;
  }
}

/** What one request is estimated with, and sent with, when its input does not say. */
const OUTPUT_TOKENS_DEFAULT = 1_024;

function usageOf(modality: Modality, outputTokens: number): object {
  switch (modality) {
    case 'text':
      return { input_tokens: 1_000, output_tokens: Math.min(outputTokens, OUTPUT_TOKENS_DEFAULT) };
    case 'image':
      return { images: 1 };
    case 'audio':
      return { characters: 1_000 };
    case 'transcription':
      return { seconds: 600 };
    case 'embedding':
      return { input_tokens: 1_000 };
    case 'video':
      return { seconds: 5 };
  }
}

function modelText(one: ListedModel): string {
  const { slug, modality, outputTokens = OUTPUT_TOKENS_DEFAULT } = one;
  const usage = usageOf(modality, outputTokens);
  const words = blockText({ name: one.name, description: one.description, modality });
  const route = blockText({ provider: one.provider, provider_model: one.providerModel });
  const can = Object.keys(one.capabilities).length > 0;
  const lines = [
    indented(words).trimEnd(),
    `  usage_default: ${flowText(usage)}`,
    `  input_schema: *${schemaName(modality)}`,
    '  routes:',
    `    - ${indented(route, '      ').trim()}`,
    `      price: ${flowText(one.price)}`,
    `      cost: ${flowText(one.cost)}`,
    ...(can ? [`      capabilities: ${flowText(one.capabilities)}`] : []),
  ];
  return `\n  ${slug}:\n${indented(lines.join('\n'))}\n`;
}

function rangeOf(node: unknown): readonly [number, number] {
  const range = isNode(node) ? node.range : undefined;
  if (!range) throw new StartError('The catalogue cannot be edited: write it by hand.');
  return [range[0], range[1]];
}

/** Where the last scalar or flow collection below a node ends, so that no comment is counted. */
function lastOf(node: unknown): number {
  let last = 0;
  if (!isNode(node)) return rangeOf(node)[1];
  visit(node, {
    Node: (_, one: Node) => {
      const isBlock = (isMap(one) || isSeq(one)) && one.flow !== true;
      if (!isBlock || (one as YAMLMap).items.length === 0)
        last = Math.max(last, rangeOf(one)[1] - 1);
    },
  });
  return last;
}
