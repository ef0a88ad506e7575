/**
 * Links from an answer to the operations that take what it names. An id in the answer, or in the
 * first item of a list, goes into the path, the query or the body of each operation that takes such
 * an id; what else its path takes comes from the path of the request.
 */
import { pathParameter } from '../../../contracts/http/path-parameters.js';
import { parametersOf } from '../endpoint.js';
import type { JsonSchema, Route } from '../route.js';
import { operationIdOf } from './operation-ids.js';

export interface Link {
  readonly operationId: string;
  readonly description: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly requestBody?: Readonly<Record<string, string>>;
}

type Links = Readonly<Record<string, Link>>;

/** Where a value comes from, by its pattern: `$response.body#/id`. */
type Sources = ReadonlyMap<unknown, string>;

/** Undefined for an answer that names nothing which another operation takes. */
export function linksOf(
  source: Route,
  reply: JsonSchema,
  routes: readonly Route[],
): Links | undefined {
  const inPath = sourcesIn(
    parametersOf(source.path).map((name) => [
      `$request.path.${name}`,
      pathParameter(source.path, name)['pattern'],
    ]),
  );
  const inReply = sourcesIn(namedIn(reply));
  const links: Record<string, Link> = {};
  for (const route of routes) {
    if (route.audience !== source.audience) continue;
    const link = linkTo(route, inReply, inPath) ?? pageAfter(source, route, reply);
    if (link) links[link.operationId] = link;
  }
  return Object.keys(links).length > 0 ? links : undefined;
}

/** By an id in its path, else by one that its body or its query takes. */
function linkTo(route: Route, inReply: Sources, inPath: Sources): Link | undefined {
  const operationId = operationIdOf(route);
  const description = `${route.summary}, by what this answer names.`;
  const parameters: Record<string, string> = {};
  let isNamed = false;
  for (const name of parametersOf(route.path)) {
    const { pattern } = pathParameter(route.path, name);
    const expression = inReply.get(pattern) ?? inPath.get(pattern);
    if (pattern === undefined || expression === undefined) return undefined;
    isNamed ||= inReply.has(pattern);
    parameters[name] = expression;
  }
  const requestBody = filledFrom(route.bodySchema, inReply, true);
  const query = filledFrom(route.querySchema, inReply, false);
  const hasParameters = Object.keys(parameters).length > 0;
  if (hasParameters ? !isNamed : !(requestBody ?? query)) return undefined;
  const given = { ...query, ...parameters };
  return {
    operationId,
    description,
    ...(Object.keys(given).length > 0 && { parameters: given }),
    ...(requestBody && { requestBody }),
  };
}

/** A list continues by the cursor of the page before. */
function pageAfter(source: Route, route: Route, reply: JsonSchema): Link | undefined {
  if (source !== route || !propertiesOf(reply)['next_cursor']) return undefined;
  if (!propertiesOf(route.querySchema)['cursor']) return undefined;
  const inPath = parametersOf(route.path).map((name) => [name, `$request.path.${name}`] as const);
  return {
    operationId: operationIdOf(route),
    description: 'The next page.',
    parameters: { ...Object.fromEntries(inPath), cursor: '$response.body#/next_cursor' },
  };
}

/** The fields of a body or query that an answer fills; a body needs all that it requires. */
function filledFrom(schema: JsonSchema | undefined, sources: Sources, isWhole: boolean) {
  const filled = Object.entries(propertiesOf(schema)).flatMap(([name, { pattern }]) => {
    const expression = pattern === undefined ? undefined : sources.get(pattern);
    return expression === undefined ? [] : [[name, expression] as const];
  });
  const required = (schema?.['required'] ?? []) as string[];
  const lacks = required.some((name) => !filled.some(([given]) => given === name));
  return filled.length === 0 || (isWhole && lacks) ? undefined : Object.fromEntries(filled);
}

type Pattern = readonly [expression: string, pattern: unknown];

/** The first of each pattern: the answer's own id goes before those that it mentions. */
function sourcesIn(patterns: readonly Pattern[]): Sources {
  const sources = new Map<unknown, string>();
  for (const [expression, pattern] of patterns)
    if (pattern !== undefined && !sources.has(pattern)) sources.set(pattern, expression);
  return sources;
}

/** Expressions for the texts of a reply that have a pattern, and the patterns. */
function namedIn(reply: JsonSchema): readonly Pattern[] {
  const properties = propertiesOf(reply);
  const { data } = properties;
  const items = data && propertiesOf(data['items'] as JsonSchema | undefined);
  return [...patternsIn('', properties), ...(items ? patternsIn('/data/0', items) : [])];
}

const patternsIn = (at: string, properties: Properties): readonly Pattern[] =>
  Object.entries(properties)
    .filter(([, { pattern, format }]) => pattern !== undefined && format === undefined)
    .filter(([, { pattern }]) => NAMES.test(String(pattern)))
    .map(([name, { pattern }]) => [`$response.body#${at}/${name}`, pattern]);

/** Of ids and slugs; amounts and digests have patterns too. */
const NAMES = /^\^[a-z]+_\[0-9a-f\]|^\^\[a-z0-9\]\(/;

type Properties = Readonly<Record<string, JsonSchema>>;

const propertiesOf = (schema: JsonSchema | undefined): Properties =>
  (schema?.['properties'] ?? {}) as Properties;
