import { expect } from 'chai';
import { answerObject, id, listOf, requestObject, text } from '../../../contracts/http/parts.js';
import { documentMount, openApiDocument, type OpenApiDocument } from './openapi.js';
import type { ApiRequest, Route } from '../route.js';

const thing = answerObject('Thing', {
  id: text('An id.'),
  'note?': text('Said with <b>care</b>.'),
});
const reply = async () => ({ status: 200, body: {} });

const routes: Route[] = [
  {
    audience: 'operator',
    method: 'DELETE',
    path: '/things/{id}',
    tag: 'Upkeep',
    summary: 'Remove a thing',
    replySchemas: { 204: 'Gone.' },
    handle: reply,
  },
  {
    audience: 'tenant',
    permission: 'keys:write',
    method: 'POST',
    path: '/things',
    tag: 'Things',
    summary: 'Make a thing',
    bodySchema: requestObject('MakeThing', { thing }),
    replySchemas: { 201: thing },
    refusals: ['CONFLICT', 'FILE_NOT_FOUND'],
    handle: reply,
    headers: { 'Idempotency-Key': 'Names the request.' },
  },
  {
    audience: 'tenant',
    permission: 'keys:write',
    method: 'GET',
    path: '/things',
    tag: 'Things',
    summary: 'List things',
    replySchemas: { 200: listOf('ThingList', thing) },
    handle: reply,
    querySchema: {
      type: 'object',
      properties: { limit: { type: 'integer', description: 'How many.' } },
    },
  },
];

describe('the OpenAPI document', () => {
  let document: OpenApiDocument;

  before(async () => {
    const reply = await documentMount(routes).handle({} as ApiRequest);
    if (!('raw' in reply)) throw new Error('no document');
    document = JSON.parse(String(reply.raw)) as OpenApiDocument;
  });

  it('has every route under its method, tenants first', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [method, path, operationId]),
    );
    expect(operations).to.deep.equal([
      ['delete', '/admin/v1/things/{id}', 'delete_admin_things_id'],
      ['post', '/v1/things', 'post_things'],
      ['get', '/v1/things', 'get_things'],
    ]);
    expect(document.tags).to.deep.equal([{ name: 'Things' }, { name: 'Upkeep' }]);
  });

  it('says each titled schema once, and refers to it', () => {
    expect(Object.keys(document.components.schemas)).to.have.members([
      'Error',
      'Thing',
      'MakeThing',
      'ThingList',
    ]);
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)];
    for (const [, name = ''] of references)
      expect(document.components.schemas).to.have.property(name);
    expect(document.components.schemas['ThingList']).to.have.nested.property(
      'properties.data.items.$ref',
      '#/components/schemas/Thing',
    );
  });

  it('lists what may be refused, by status', () => {
    const post = document.paths['/v1/things']?.['post'];
    expect(Object.keys(post?.responses ?? {})).to.have.members([
      '201',
      '400',
      '401',
      '403',
      '409',
      '413',
      '500',
      '503',
    ]);
    expect(post?.responses['400']?.description).to.contain('INPUT_VALIDATION_ERROR');
    expect(post?.responses['400']?.description).to.contain('FILE_NOT_FOUND');
    expect(post?.security).to.deep.equal([{ apiKey: ['keys:write'] }]);
    expect(post?.['x-permissions']).to.deep.equal(['FULL']);
  });

  it('names parameters of path, query and header', () => {
    const named = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ parameters = [] }) =>
        parameters.map(({ name, in: place }) => `${place} ${name}`),
      ),
    );
    expect(named).to.deep.equal(['path id', 'header Idempotency-Key', 'query limit']);
  });

  it('says what an id in a path looks like, and which operations take an id of an answer', () => {
    const tenant = {
      audience: 'tenant',
      permission: 'keys:write',
      tag: 'x',
      summary: 'x',
    } as const;
    const made = answerObject('Made', { id: id('exec', 'It.'), other: text('None.') });
    const { paths } = openApiDocument([
      { ...tenant, method: 'POST', path: '/runs', replySchemas: { 202: made }, handle: reply },
      {
        ...tenant,
        method: 'GET',
        path: '/executions/{id}',
        replySchemas: { 200: listOf('MadeList', made) },
        handle: reply,
      },
      { ...tenant, method: 'GET', path: '/files/{id}', replySchemas: { 200: {} }, handle: reply },
    ]);
    const linkTo = (pointer: string) => ({
      get_executions_id: {
        operationId: 'get_executions_id',
        parameters: { id: `$response.body#${pointer}` },
      },
    });
    expect(paths['/v1/runs']?.['post']?.responses['202']?.links).to.deep.equal(linkTo('/id'));
    const get = paths['/v1/executions/{id}']?.['get'];
    expect(get?.responses['200']?.links).to.deep.equal(linkTo('/data/0/id'));
    expect(get?.parameters?.[0]?.schema['pattern']).to.match(/^\^exec_/);
  });

  it('does not let two schemas share a title', () => {
    const other: Route = {
      audience: 'operator',
      method: 'GET',
      path: '/other',
      tag: 'x',
      summary: 'x',
      replySchemas: { 200: answerObject('Thing', {}) },
      handle: reply,
    };
    expect(() => openApiDocument([...routes, other])).to.throw('Thing');
  });
});
