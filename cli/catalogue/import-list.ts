/** `catalogue import`: a public list of models and prices, as a difference, then in the file. */
import { randomUUID } from 'node:crypto';
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { CatalogueDocument } from '../../contracts/catalogue/catalogue.schema.js';
import type { TieredPriceEntry } from '../../contracts/catalogue/price-units.js';
import { StartError } from '../../infra/start-error.js';
import { loadCatalogue } from '../../providers/catalogue/load-catalogue.js';
import type { Context } from '../context.js';
import { textOf } from './check.js';
import { differenceOf, type Difference } from './difference.js';
import { readLiteLlm } from './litellm.js';
import type { ListOptions, ReadList, Skipped } from './listed-model.js';
import { readOpenRouter } from './openrouter.js';
import { written } from './write-difference.js';

interface ImportOptions {
  readonly into?: string;
  readonly write?: true;
  readonly only?: string;
  readonly provider?: string;
  readonly markup?: bigint;
  readonly remove?: true;
}

export async function importList(
  context: Context,
  kind: string,
  path: string,
  options: ImportOptions,
): Promise<void> {
  const { only, provider, markup = 0n, into = context.config().catalogueFile } = options;
  const { print } = context;
  const read = listOf(kind, path, await textOf(path), { only, provider, markup });
  const text = await textOf(into);
  const isWhole = only === undefined && provider === undefined;
  const before = documentIn(into, text);
  const compare = (list: ReadList) => differenceOf(before, list, { isWhole, markup });
  const write = (list: ReadList) => written(text, compare(list), list, options.remove ?? false);
  const list = withoutRefused(context, read, compare(read), write(read));
  for (const line of linesOf(compare(list), list, options.remove ?? false)) print(line);
  const result = write(list);
  const [first] = problemsOf(context, result);
  if (first) throw new StartError(`${into} would not be a catalogue any more: ${first}.`);
  if (result === text) return print(`${into} has all of it`);
  if (!options.write) return print(`nothing is written; --write writes this to ${into}`);
  await replace(into, result);
  print(`written to ${into}`);
}

/** What no request could use, as a model of fewer tokens than an input has by default. */
function withoutRefused(
  context: Context,
  list: ReadList,
  { added }: Difference,
  result: string,
): ReadList {
  const refused = new Map<string, string>();
  for (const problem of problemsOf(context, result)) {
    const one = added.find(({ slug }) => problem.startsWith(`models.${slug}.`));
    if (one) refused.set(one.providerModel, problem.slice(`models.${one.slug}.`.length));
  }
  const skipped = [...refused].map(([name, why]) => ({ name, why }));
  return {
    ...list,
    models: list.models.filter(({ providerModel }) => !refused.has(providerModel)),
    skipped: [...list.skipped, ...skipped],
  };
}

const readers: Readonly<
  Record<string, (list: unknown, options: ListOptions) => ReadList | undefined>
> = { openrouter: readOpenRouter, litellm: readLiteLlm };

function listOf(kind: string, path: string, text: string, options: ListOptions): ReadList {
  const read = Object.hasOwn(readers, kind) ? readers[kind] : undefined;
  if (!read) throw new StartError(`There is no list ${kind}: use openrouter or litellm.`);
  const list = read(jsonIn(path, text), options);
  if (list) return list;
  throw new StartError(`${path} is no list of ${kind}: see modelroute catalogue import --help.`);
}

function jsonIn(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StartError(`${path} is not JSON: is it what it should be, and whole?`);
  }
}

/** What is there is read leniently; the result is checked in full. */
function documentIn(path: string, text: string): Partial<CatalogueDocument> {
  try {
    return (parse(text, { maxAliasCount: 10_000 }) ?? {}) as Partial<CatalogueDocument>;
  } catch (error) {
    throw new StartError(`${path} is no YAML: ${(error as Error).message.split('\n', 1)[0]}`);
  }
}

const NAMES_SHOWN_MAX = 5;

/** By the reason, with some of the names. */
function leftOut(skipped: readonly Skipped[]): string[] {
  const names = new Map<string, string[]>();
  for (const { name, why } of skipped) names.set(why, [...(names.get(why) ?? []), name]);
  return [...names].map(([why, all]) => {
    const more = all.length - NAMES_SHOWN_MAX;
    const others = more > 0 ? ` and ${more} more` : '';
    return `  left out: ${all.slice(0, NAMES_SHOWN_MAX).join(', ')}${others}: ${why}`;
  });
}

function linesOf(
  { added, changed, removed, providers }: Difference,
  { skipped }: ReadList,
  remove: boolean,
): string[] {
  const lines = [
    ...providers.map((slug) => `+ provider ${slug}`),
    ...added.map((one) => `+ ${one.slug}  ${one.providerModel}  ${pricesIn(one.cost)}`),
    ...changed.map(({ name, cost, price }) => {
      const kept = price ? '' : '  (the price of the catalogue stays)';
      return `~ ${name}  ${pricesIn(cost.before)} -> ${pricesIn(cost.after)}${kept}`;
    }),
    ...removed.map(({ name }) =>
      remove ? `- ${name}` : `  ${name} is not in the list any more; --remove removes it`,
    ),
    ...leftOut(skipped),
  ];
  const counts = [
    `${added.length} added`,
    `${changed.length} changed`,
    `${removed.length} ${remove ? 'removed' : 'not in the list any more'}`,
    `${skipped.length} left out`,
  ];
  return [...lines, counts.join(', ')];
}

function pricesIn({ tiers = [], ...entry }: TieredPriceEntry): string {
  const lines = Object.entries(entry).map(
    ([unit, amount]) => `${unit.replace(/^per_/, '')} ${amount}`,
  );
  const steps = tiers.map(({ above_input_tokens: above }) => `other above ${above} input tokens`);
  return [...lines, ...steps].join(', ');
}

/** Nothing is put into force that a start would refuse. */
function problemsOf(context: Context, text: string): readonly string[] {
  const variables = { SANDBOX_URL: 'http://127.0.0.1:1', ...context.env() };
  const result = loadCatalogue(text, variables);
  return 'problems' in result ? result.problems : [];
}

/** Whole or not at all: the file is watched by a running system. */
async function replace(path: string, text: string): Promise<void> {
  const target = await realpath(path);
  const { mode } = await stat(target);
  const draft = `${target}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    await writeFile(draft, text, { mode, flag: 'wx' });
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new StartError(`${path} cannot be written (${code}).`);
  }
}
