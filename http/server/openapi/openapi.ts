/** The OpenAPI 3.1 document of a list of routes, made of the same schemas that check requests. */
import { templateOf } from '../endpoint.js';
import type { Mount, Route } from '../route.js';
import { openComponents } from './components.js';
import type { OpenApiDocument, Operation } from './document.js';
import { headersOf } from './headers.js';
import { operationOf } from './operation.js';
import { openRefusals } from './refusals.js';
import { tagsOf } from './tags.js';
import { webhooksOf } from './webhooks.js';

/** Made when it is first asked for, so that a start does not pay for it. */
export function documentMount(routes: readonly Route[], publicUrl?: string): Mount {
  let json: string | undefined;
  return {
    path: '/openapi.json',
    async handle() {
      json ??= JSON.stringify(openApiDocument(routes, publicUrl));
      return {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        raw: json,
      };
    },
  };
}

/** Without a public URL, the API is where the document was read. */
export function openApiDocument(all: readonly Route[], publicUrl = '/'): OpenApiDocument {
  const routes = all.filter((route) => route.audience !== 'link' || route.isDescribed);
  const components = openComponents();
  const refusals = openRefusals(components);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const operation = operationOf(route, { routes, components, refusals });
    (paths[templateOf(route)] ??= {})[route.method.toLowerCase()] = operation;
  }
  const webhooks = webhooksOf(components);
  return {
    openapi: '3.1.0',
    info: {
      title: 'ModelRoute',
      version: '1',
      description: ABOUT,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: publicUrl, description: 'Where this document was read.' }],
    tags: tagsOf(routes),
    paths,
    webhooks,
    components: {
      schemas: components.schemas,
      responses: refusals.responses,
      headers: headersOf(routes),
      securitySchemes,
    },
  };
}

const ABOUT =
  'Runs AI models on your behalf: post a model and an input, get an id at once, and receive ' +
  'the result by signed webhook or by polling. Money is a decimal string in US dollars. Every ' +
  'answer carries an `X-Request-Id`; every error has the same envelope (or RFC 9457, with ' +
  '`Accept: application/problem+json`). A method that a path lacks is `405` with `Allow`. ' +
  '`/api/v1` answers exactly as `/v1` does. Guides are at [/docs/](/docs/), for agents at ' +
  '[/llms.txt](/llms.txt).';

const securitySchemes = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key of your organization, `sk_…`, for `/v1`.',
  },
  operatorKey: {
    type: 'http',
    scheme: 'bearer',
    description: "An operator's key, for `/admin/v1` alone. No API key works there.",
  },
  operatorHeader: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Admin-Key',
    description: "The same operator's key in a header of its own.",
  },
};
