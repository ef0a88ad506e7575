/**
 * The document of the whole API is complete: a route that leaves out what a reader, a client's
 * generator or a fuzzer needs is named here.
 */
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import { parse } from 'yaml';
import { pathParameter } from '../contracts/http/path-parameters.js';
import { webhookMeanings, webhookSchemaOf } from '../contracts/webhooks/schemas.js';
import { parametersOf, templateOf } from '../http/server/endpoint.js';
import { exampleOf } from '../http/server/openapi/examples.js';
import { HEADERS } from '../http/server/openapi/headers.js';
import { openApiDocument } from '../http/server/openapi/openapi.js';
import { operationIdOf } from '../http/server/openapi/operation-ids.js';
import type { JsonSchema, Route } from '../http/server/route.js';
import { textOf } from '../testing/repository-files.js';
import { allRoutes } from './testing/all-routes.js';

const routes = allRoutes().filter((route) => route.audience !== 'link' || route.isDescribed);
const nameOf = (route: Route) => `${route.method} ${templateOf(route)}`;

const ajv = new Ajv2020({ strict: false, allErrors: true });
// CommonJS: its default export is a property of the module.
addFormats.default(ajv);

/** What is wrong with the example of a schema, or that a part of it has none. */
function exampleFaults(place: string, schema: JsonSchema): readonly string[] {
  const { value, places } = exampleOf(schema);
  const validate = ajv.compile(schema);
  if (places.length > 0) return places.map((part) => `${place}${part} has no example`);
  return validate(value) ? [] : [`${place}: ${ajv.errorsText(validate.errors)}`];
}

const hasProperty = (schema: JsonSchema | string | undefined, name: string): boolean =>
  typeof schema === 'object' && Object.hasOwn((schema['properties'] as object) ?? {}, name);

describe('the document of the whole API', () => {
  it('has a name for each operation, and no two share it', () => {
    const names = routes.map(operationIdOf);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).to.deep.equal([]);
    expect(names.filter((name) => !/^[a-z][A-Za-z]{5,50}$/.test(name))).to.deep.equal([]);
  });

  it('says of each operation what it does', () => {
    const mute = routes.filter(({ summary, description = '' }) => !summary || !description);
    expect(mute.map(nameOf)).to.deep.equal([]);
  });

  it('knows what each parameter of a path looks like', () => {
    const vague = routes.flatMap((route) =>
      parametersOf(route.path)
        .filter((name) => pathParameter(route.path, name)['pattern'] === undefined)
        .map((name) => `${nameOf(route)} {${name}}`),
    );
    expect(vague).to.deep.equal([]);
  });

  it('has an example of every request and answer, which its schema accepts', () => {
    const faults = routes.flatMap((route) => [
      ...(route.bodySchema ? exampleFaults(`${nameOf(route)} body`, route.bodySchema) : []),
      ...Object.entries(route.replySchemas).flatMap(([status, schema]) =>
        typeof schema === 'string' ? [] : exampleFaults(`${nameOf(route)} ${status}`, schema),
      ),
      ...Object.entries(route.querySchema?.['properties'] ?? {}).flatMap(([name, schema]) =>
        exampleFaults(`${nameOf(route)} ?${name}`, schema as JsonSchema),
      ),
    ]);
    const webhooks = Object.keys(webhookMeanings).flatMap((type) =>
      exampleFaults(type, webhookSchemaOf(type as keyof typeof webhookMeanings)),
    );
    expect([...faults, ...webhooks]).to.deep.equal([]);
  });

  it('gives bodies to requests that name them, with an example that was written', () => {
    const without = routes.filter(({ bodySchema }) => bodySchema && !bodySchema['examples']);
    expect(without.map(nameOf)).to.deep.equal([]);
  });

  it('says that an id may name nothing, and names headers that it describes', () => {
    const certain = routes.filter(
      ({ path, refusals = [] }) => path.includes('{') && !refusals.includes('NOT_FOUND'),
    );
    expect(certain.map(nameOf)).to.deep.equal([]);
    const unknown = routes.flatMap(({ replyHeaders = [] }) =>
      replyHeaders.filter((name) => !(name in HEADERS)),
    );
    expect(unknown).to.deep.equal([]);
  });

  it('says of each list with a cursor that Link names its next page', () => {
    const isPaged = ({ querySchema, replySchemas }: Route) =>
      hasProperty(replySchemas[200], 'next_cursor') && hasProperty(querySchema, 'cursor');
    const silent = routes.filter((one) => isPaged(one) && !one.replyHeaders?.includes('Link'));
    expect(silent.map(nameOf)).to.deep.equal([]);
    expect(routes.filter(isPaged)).to.have.length.above(10);
  });

  it('passes the linter', async () => {
    const config = await createConfig(parse(textOf('redocly.yaml')) as object);
    const source = JSON.stringify(openApiDocument(routes, 'https://modelroute.test'));
    const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
    const found = problems.map(
      ({ ruleId, message, location: [at] }) => `${ruleId} ${at?.pointer ?? ''}: ${message}`,
    );
    expect(found).to.deep.equal([]);
  }).timeout(20_000);
});
