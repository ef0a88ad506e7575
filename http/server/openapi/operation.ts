/** One route as an operation of the document. */
import { permittedTo } from '../../../contracts/http/permissions.js';
import { pathParameter } from '../../../contracts/http/path-parameters.js';
import { parametersOf } from '../endpoint.js';
import type { JsonSchema, Route } from '../route.js';
import type { Components } from './components.js';
import type { Content, MediaType, Operation, Parameter, Response } from './document.js';
import { exampleOf } from './examples.js';
import { everyHeader, headerReferences } from './headers.js';
import { linksOf } from './links.js';
import { operationIdOf } from './operation-ids.js';
import type { RefusalComponents } from './refusals.js';

export interface Described {
  readonly routes: readonly Route[];
  readonly components: Components;
  readonly refusals: RefusalComponents;
}

export function operationOf(route: Route, described: Described): Operation {
  const { description } = route;
  const parameters = parametersIn(route);
  const requestBody = requestBodyOf(route, described);
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    ...(description && { description }),
    tags: [route.tag],
    security: securityOf(route),
    ...(route.audience === 'tenant' && { 'x-permissions': permittedTo[route.permission] }),
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody && { requestBody }),
    responses: { ...answersOf(route, described), ...described.refusals.of(route) },
  };
}

function requestBodyOf(route: Route, { components }: Described): Operation['requestBody'] {
  const { bodySchema, isBodyOptional, takesStream } = route;
  if (bodySchema) return { required: !isBodyOptional, content: jsonOf(bodySchema, components) };
  return takesStream ? { required: true, content: ANY_BYTES } : undefined;
}

/**
 * A link is its own proof; an operator's key may come in a header of its own. Of a tenant's key the
 * scope is named (OpenAPI 3.1: a role's name).
 */
function securityOf(route: Route): Operation['security'] {
  if (route.audience === 'link') return [];
  if (route.audience === 'tenant') return [{ apiKey: [route.permission] }];
  return [{ operatorKey: [] }, { operatorHeader: [] }];
}

function parametersIn({ path, querySchema, headers = {} }: Route): Parameter[] {
  const properties = (querySchema?.['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = (querySchema?.['required'] ?? []) as string[];
  return [
    ...parametersOf(path).map((name) => ({
      name,
      in: 'path' as const,
      required: true,
      ...withDescription(pathParameter(path, name)),
    })),
    ...Object.entries(properties).map(([name, schema]) => ({
      name,
      in: 'query' as const,
      required: required.includes(name),
      ...withDescription(schema),
    })),
    ...Object.entries(headers).map(([name, header]) => ({
      name,
      in: 'header' as const,
      required: false,
      ...withDescription(
        typeof header === 'string' ? { ...ANY_TEXT, description: header } : header,
      ),
    })),
  ];
}

const ANY_TEXT = { type: 'string' };

const withDescription = ({ description, ...schema }: JsonSchema) => ({
  schema,
  ...(typeof description === 'string' && { description }),
});

function answersOf(route: Route, described: Described): Record<string, Response> {
  const { replySchemas } = route;
  const answers = Object.entries(replySchemas).map(([status, schema]): [string, Response] => {
    const isText = typeof schema === 'string';
    const links = isText ? undefined : linksOf(route, schema, described.routes);
    const content = contentOf(route, Number(status), described);
    const names = [
      ...everyHeader(route.audience === 'tenant'),
      ...(Number(status) < 400 ? (route.replyHeaders ?? []) : []),
    ];
    return [
      status,
      {
        description: isText ? schema : meaningOf(schema),
        headers: headerReferences(names),
        ...(content && { content }),
        ...(links && { links }),
      },
    ];
  });
  return Object.fromEntries(answers);
}

/** JSON where the answer has a schema; other media types where a body comes with success. */
function contentOf(route: Route, status: number, { components }: Described): Content | undefined {
  const schema = route.replySchemas[status] ?? '';
  const hasBody = [200, 201, 202, 206].includes(status);
  const others = hasBody ? Object.entries(route.replyTypes ?? {}) : [];
  const content = {
    ...(typeof schema !== 'string' && jsonOf(schema, components)),
    ...Object.fromEntries(others.map(([type, other]) => [type, mediaOf(other)])),
  };
  return Object.keys(content).length > 0 ? content : undefined;
}

const meaningOf = ({ description }: JsonSchema): string =>
  typeof description === 'string' ? description : 'Success.';

const jsonOf = (schema: JsonSchema, components: Components): Content => ({
  'application/json': {
    schema: components.reference(schema),
    example: exampleOf(schema).value,
  },
});

const mediaOf = (schema: JsonSchema): MediaType => {
  const [example] = (schema['examples'] ?? []) as unknown[];
  return { schema, ...(example !== undefined && { example }) };
};

/** Whatever a request calls them. */
const ANY_BYTES: Content = { 'application/octet-stream': { schema: {} } };
