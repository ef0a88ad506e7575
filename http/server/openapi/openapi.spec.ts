import { expect } from 'chai';
import { answerObject, listOf, requestObject, text } from '../../../contracts/http/parts.js';
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
    permission: 'FULL',
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
    permission: 'FULL',
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
    expect(post?.security).to.deep.equal([{ apiKey: [] }]);
  });

  it('names parameters of path, query and header', () => {
    const named = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ parameters = [] }) =>
        parameters.map(({ name, in: place }) => `${place} ${name}`),
      ),
    );
    expect(named).to.deep.equal(['path id', 'header Idempotency-Key', 'query limit']);
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
