/**
 * Links from an answer to the operations that take what it names: an id in the answer, or in the
 * first item of a list, goes into the path of each operation that takes such an id.
 */
import { pathParameter } from '../../../contracts/http/path-parameters.js';
import { parametersOf } from '../endpoint.js';
import type { JsonSchema, Route } from '../route.js';

export interface Link {
  readonly operationId: string;
  readonly parameters: Readonly<Record<string, string>>;
}

type Links = Readonly<Record<string, Link>>;
type IdOf = (route: Route) => string;

/** Undefined for an answer that names nothing which a path takes. */
export function linksOf(
  source: Route,
  reply: JsonSchema,
  routes: readonly Route[],
  idOf: IdOf,
): Links | undefined {
  const links: Record<string, Link> = {};
  for (const [pointer, pattern] of namedIn(reply))
    for (const route of routes) {
      const [name, ...others] = parametersOf(route.path);
      if (name === undefined || others.length > 0 || route.audience !== source.audience) continue;
      if (pathParameter(route.path, name)['pattern'] !== pattern) continue;
      const operationId = idOf(route);
      links[operationId] ??= {
        operationId,
        parameters: { [name]: `$response.body#${pointer}` },
      };
    }
  return Object.keys(links).length > 0 ? links : undefined;
}

/** JSON pointers to the texts of a reply that have a pattern, and the patterns. */
function namedIn(reply: JsonSchema): [pointer: string, pattern: unknown][] {
  const properties = propertiesOf(reply);
  const { data } = properties;
  const items = data && propertiesOf(data['items'] as JsonSchema | undefined);
  return [...patternsIn('', properties), ...(items ? patternsIn('/data/0', items) : [])];
}

const patternsIn = (at: string, properties: Properties): [string, unknown][] =>
  Object.entries(properties)
    .filter(([, { pattern }]) => pattern !== undefined)
    .map(([name, { pattern }]) => [`${at}/${name}`, pattern]);

type Properties = Readonly<Record<string, JsonSchema>>;

const propertiesOf = (schema: JsonSchema | undefined): Properties =>
  (schema?.['properties'] ?? {}) as Properties;
