/** Routes made ready to be served: schemas compiled and templates spelt out, once. */
import { bodyCheck, queryCheck, type Check } from './check-schema.js';
import type { Mount, Route } from './route.js';

export interface Endpoint {
  readonly route: Route;
  /** `/v1/executions/{id}`: the label of its metric, of bounded number. */
  readonly template: string;
  /** Every path template under which it answers. */
  readonly paths: readonly string[];
  readonly checkBody?: Check;
  readonly checkQuery?: Check;
  /** Reads are logged at debug level, so that the log is not what limits them. */
  readonly isRead: boolean;
}

export type Served = Endpoint | Mount;

export function endpointOf(route: Route): Endpoint {
  const template = templateOf(route);
  return {
    route,
    template,
    paths: [template, `/api${template}`],
    ...(route.bodySchema && { checkBody: bodyCheck(route.bodySchema) }),
    ...(route.querySchema && { checkQuery: queryCheck(route.querySchema) }),
    isRead: route.method === 'GET',
  };
}

export const templateOf = ({ audience, path }: Route): string =>
  `${audience === 'tenant' ? '/v1' : '/admin/v1'}${path}`;

/** Literal paths come first: `/executions/batch` is no `/executions/{id}`. */
export const literalFirst = (a: Endpoint, b: Endpoint): number =>
  parametersOf(a.route.path).length - parametersOf(b.route.path).length;

export const parametersOf = (path: string): readonly string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
