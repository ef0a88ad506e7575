/** The OpenAPI 3.1 document of a list of routes, made of the same schemas that check requests. */
import { errorCatalogue, type ErrorCode } from '../../../contracts/error-codes.js';
import { permittedTo } from '../../../contracts/http/permissions.js';
import { errorEnvelope } from '../../../contracts/http/parts.js';
import { pathParameter } from '../../../contracts/http/path-parameters.js';
import { parametersOf, templateOf } from '../endpoint.js';
import { openComponents, type Components } from './components.js';
import { linksOf, type Link } from './links.js';
import type { JsonSchema, Mount, Route } from '../route.js';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  /** Of a tenant's operation: the permissions of keys that may call it. */
  readonly 'x-permissions'?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

interface Response {
  readonly description: string;
  readonly content?: Content;
  readonly links?: Readonly<Record<string, Link>>;
}

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: JsonSchema;
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: JsonSchema;
  };
}

/** Made when it is first asked for, so that a start does not pay for it. */
export function documentMount(routes: readonly Route[]): Mount {
  let json: string | undefined;
  return {
    path: '/openapi.json',
    async handle() {
      json ??= JSON.stringify(openApiDocument(routes));
      return {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        raw: json,
      };
    },
  };
}

export function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const components = openComponents();
  const errorSchema = components.reference(errorEnvelope);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    if (isHidden(route)) continue;
    const operation = operationOf(route, components, errorSchema, routes);
    (paths[templateOf(route)] ??= {})[route.method.toLowerCase()] = operation;
  }
  return {
    openapi: '3.1.0',
    info: { title: 'ModelRoute', version: '1', description: ABOUT },
    servers: [{ url: '/' }],
    tags: tagsOf(routes).map((name) => ({ name })),
    paths,
    components: { schemas: components.schemas, securitySchemes },
  };
}

const isHidden = (route: Route): boolean => route.audience === 'link' && !route.isDescribed;

/** What tenants use comes first. */
function tagsOf(routes: readonly Route[]): readonly string[] {
  const forTenants = routes.filter(({ audience }) => audience === 'tenant');
  const described = routes.filter((route) => !isHidden(route));
  return [...new Set([...forTenants, ...described].map(({ tag }) => tag))];
}

const ABOUT =
  'Runs AI models on your behalf: post a model and an input, get an id at once, and receive ' +
  'the result by signed webhook or by polling. Money is a decimal string in US dollars. Every ' +
  'answer carries an `X-Request-Id`; every error has the same envelope (or RFC 9457, with ' +
  '`Accept: application/problem+json`). `/api/v1` answers exactly as `/v1` does.';

const securitySchemes = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'An API key of your organization.' },
  operatorKey: { type: 'http', scheme: 'bearer', description: "The operator's key." },
};

function operationOf(
  route: Route,
  components: Components,
  errorSchema: JsonSchema,
  routes: readonly Route[],
): Operation {
  const { bodySchema, description } = route;
  const parameters = parametersIn(route);
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(description && { description }),
    tags: [route.tag],
    security: securityOf(route),
    ...(route.audience === 'tenant' && { 'x-permissions': permittedTo[route.permission] }),
    ...(parameters.length > 0 && { parameters }),
    ...(bodySchema && {
      requestBody: { required: true, content: jsonOf(components.reference(bodySchema)) },
    }),
    ...(route.takesStream && { requestBody: { required: true, content: anyBytes } }),
    responses: { ...answersOf(route, components, routes), ...errorsOf(route, errorSchema) },
  };
}

/** A link is its own proof. Of a tenant's key the scope is named (OpenAPI 3.1: a role's name). */
function securityOf(route: Route): Operation['security'] {
  if (route.audience === 'link') return [];
  return [route.audience === 'tenant' ? { apiKey: [route.permission] } : { operatorKey: [] }];
}

/** `POST /v1/executions/{id}/cancel` → `post_executions_id_cancel`. */
const operationId = (route: Route): string =>
  `${route.method.toLowerCase()}${templateOf(route).replace('/v1', '')}`
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replace(/_$/, '');

function parametersIn({ path, querySchema, headers = {} }: Route): Parameter[] {
  const properties = (querySchema?.['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = (querySchema?.['required'] ?? []) as string[];
  return [
    ...parametersOf(path).map((name) => ({
      name,
      in: 'path' as const,
      required: true,
      ...described(pathParameter(path, name)),
    })),
    ...Object.entries(properties).map(([name, schema]) => ({
      name,
      in: 'query' as const,
      required: required.includes(name),
      ...described(schema),
    })),
    ...Object.entries(headers).map(([name, description]) => ({
      name,
      in: 'header' as const,
      required: false,
      description,
      schema: { type: 'string' },
    })),
  ];
}

const described = ({ description, ...schema }: JsonSchema) => ({
  schema,
  ...(typeof description === 'string' && { description }),
});

function answersOf(
  route: Route,
  components: Components,
  routes: readonly Route[],
): Record<string, Response> {
  const { replySchemas } = route;
  const answers = Object.entries(replySchemas).map(([status, schema]): [string, Response] => {
    if (typeof schema === 'string') return [status, { description: schema }];
    const links = linksOf(route, schema, routes, operationId);
    const content = jsonOf(components.reference(schema));
    return [status, { description: 'Success.', content, ...(links && { links }) }];
  });
  return Object.fromEntries(answers);
}

/** One response per status; several codes may share one. */
function errorsOf(route: Route, schema: JsonSchema): Record<string, Response> {
  const content = { ...jsonOf(schema), 'application/problem+json': { schema: { type: 'object' } } };
  const errors: Record<string, Response> = {};
  for (const code of new Set(codesOf(route))) {
    const { status, message } = errorCatalogue[code];
    const before = errors[status] ? `${errors[status].description} ` : '';
    errors[status] = { description: `${before}\`${code}\`: ${message}`, content };
  }
  return errors;
}

function codesOf(route: Route): readonly ErrorCode[] {
  const { bodySchema, path, querySchema, refusals = [] } = route;
  const hasParameters = querySchema !== undefined || path.includes('{');
  return [
    ...(bodySchema || hasParameters ? (['INPUT_VALIDATION_ERROR'] as const) : []),
    ...(bodySchema ? (['PAYLOAD_TOO_LARGE'] as const) : []),
    ...(route.takesStream ? (['PAYLOAD_TOO_LARGE'] as const) : []),
    ...(route.audience === 'link' ? [] : (['UNAUTHORIZED'] as const)),
    ...(route.audience === 'tenant' ? (['FORBIDDEN'] as const) : []),
    ...refusals,
    'SERVICE_UNAVAILABLE',
    'INTERNAL_ERROR',
  ];
}

const anyBytes: Content = { '*/*': { schema: {} } };

const jsonOf = (schema: JsonSchema): Content => ({ 'application/json': { schema } });
