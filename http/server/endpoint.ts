/** Routes made ready to be served: schemas compiled and templates written out, once. */
import { bodyCheck, queryCheck, type Check } from './check-schema.js';
import type { JsonSchema, Mount, Route } from './route.js';

export interface Endpoint {
  readonly route: Route;
  /** `/v1/executions/{id}`: the label of its metric, of bounded number. */
  readonly template: string;
  readonly checkBody: Check | undefined;
  readonly checkQuery: Check | undefined;
  /** Reads are logged at debug level, so that the log is not what limits them. */
  readonly isRead: boolean;
}

export type Served = Endpoint | Mount;

export const endpointOf = (route: Route): Endpoint => ({
  route,
  template: templateOf(route),
  checkBody: route.bodySchema && bodyCheck(checkedSchema(route, route.bodySchema)),
  checkQuery: route.querySchema && queryCheck(route.querySchema),
  isRead: route.method === 'GET',
});

/** The items of a route with `bodyItems` are checked by its handler, each by itself. */
function checkedSchema({ bodyItems }: Route, schema: JsonSchema): JsonSchema {
  if (!bodyItems) return schema;
  const properties = schema['properties'] as Record<string, JsonSchema>;
  const { items: _, ...list } = properties[bodyItems.field] ?? {};
  return { ...schema, properties: { ...properties, [bodyItems.field]: list } };
}

export const templateOf = ({ audience, path }: Route): string =>
  `${audience === 'operator' ? '/admin/v1' : '/v1'}${path}`;

/** Every path template under which a route answers. */
export const templatesOf = (route: Route): readonly string[] => [
  templateOf(route),
  `/api${templateOf(route)}`,
];

export const parametersOf = (path: string): readonly string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
