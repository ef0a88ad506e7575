import { expect } from 'chai';
import { answerObject, id, listOf, requestObject, text } from '../../../contracts/http/parts.js';
import type { ApiRequest, Route } from '../route.js';
import type { OpenApiDocument, Operation, Response } from './document.js';
import { documentMount, openApiDocument } from './openapi.js';

const thing = answerObject('Thing', {
  id: { ...text('An id.'), examples: ['a'] },
  'note?': text('Said with <b>care</b>.'),
});
const reply = async () => ({ status: 200, body: {} });

const routes: Route[] = [
  {
    audience: 'operator',
    method: 'DELETE',
    path: '/things/{id}',
    tag: 'Operations',
    summary: 'Remove a thing',
    replySchemas: { 204: 'Gone.' },
    handle: reply,
  },
  {
    audience: 'tenant',
    permission: 'keys:write',
    method: 'POST',
    path: '/things',
    tag: 'Executions',
    summary: 'Make a thing',
    bodySchema: { ...requestObject('MakeThing', { thing }), examples: [{ thing: { id: 'x' } }] },
    replySchemas: { 201: thing },
    refusals: ['CONFLICT', 'FILE_NOT_FOUND'],
    handle: reply,
    headers: { 'Idempotency-Key': 'Names the request.' },
    replyHeaders: ['Location'],
  },
  {
    audience: 'tenant',
    permission: 'keys:write',
    method: 'GET',
    path: '/things',
    tag: 'Executions',
    summary: 'List things',
    replySchemas: { 200: listOf('ThingList', thing) },
    replyTypes: { 'text/csv': { type: 'string', examples: ['id\r\na\r\n'] } },
    handle: reply,
    querySchema: {
      type: 'object',
      properties: {
        limit: { type: 'integer', description: 'How many.' },
        cursor: { type: 'string' },
      },
    },
  },
];

const operationIn = (document: OpenApiDocument, method: string, path: string): Operation => {
  const operation = document.paths[path]?.[method];
  if (!operation) throw new Error(`there is no ${method} ${path}`);
  return operation;
};

const answerOf = (document: OpenApiDocument, { responses }: Operation, status: number) => {
  const answer = responses[status] ?? { $ref: '' };
  if (!('$ref' in answer)) return answer;
  const component = document.components.responses[answer.$ref.split('/').at(-1) ?? ''];
  if (!component) throw new Error(`there is no ${status}`);
  return component;
};

describe('the OpenAPI document', () => {
  let document: OpenApiDocument;

  before(async () => {
    const reply = await documentMount(routes, 'https://api.acme.test').handle({} as ApiRequest);
    if (!('raw' in reply)) throw new Error('no document');
    document = JSON.parse(String(reply.raw)) as OpenApiDocument;
  });

  it('has every route under its method', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [method, path, operationId]),
    );
    expect(operations).to.deep.equal([
      ['delete', '/admin/v1/things/{id}', 'adminDeleteThing'],
      ['post', '/v1/things', 'createThing'],
      ['get', '/v1/things', 'listThings'],
    ]);
    expect(document.tags.map(({ name }) => name)).to.deep.equal([
      'Executions',
      'Webhooks',
      'Operations',
    ]);
    expect(document.servers.map(({ url }) => url)).to.deep.equal(['https://api.acme.test']);
    expect(openApiDocument(routes).servers.map(({ url }) => url)).to.deep.equal(['/']);
  });

  it('says each titled schema once, and refers to it', () => {
    expect(Object.keys(document.components.schemas)).to.include.members([
      ...['Error', 'Problem', 'Thing', 'MakeThing', 'ThingList', 'Execution'],
      'ExecutionCompletedWebhook',
    ]);
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/(\w+)\/([\w-]+)"/g)];
    for (const [, kind = '', name = ''] of references)
      expect(document.components).to.have.property(kind).that.has.property(name);
    expect(document.components.schemas['ThingList']).to.have.nested.property(
      'properties.data.items.$ref',
      '#/components/schemas/Thing',
    );
  });

  it('lists what may be refused, by status, and allows no other code there', () => {
    const post = operationIn(document, 'post', '/v1/things');
    expect(Object.keys(post.responses)).to.deep.equal([
      ...['201', '400', '401', '403', '408', '409', '413', '429', '500', '503'],
    ]);
    const { description, content } = answerOf(document, post, 400);
    expect(description).to.contain('`INPUT_VALIDATION_ERROR`').and.contain('`FILE_NOT_FOUND`');
    const codes = ['INPUT_VALIDATION_ERROR', 'FILE_NOT_FOUND'];
    expect(content?.['application/json']?.schema).to.have.nested.property(
      'allOf[1].properties.error.properties.code.enum',
    );
    expect(Object.keys(content?.['application/json']?.examples ?? {})).to.deep.equal(codes);
    expect(content?.['application/problem+json']?.schema).to.deep.equal({
      allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }],
    });
    expect(post.security).to.deep.equal([{ apiKey: ['keys:write'] }]);
    expect(post['x-permissions']).to.deep.equal(['FULL']);
  });

  it('names parameters of path, query and header', () => {
    const named = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ parameters = [] }) =>
        parameters.map(({ name, in: place }) => `${place} ${name}`),
      ),
    );
    expect(named).to.deep.equal([
      'path id',
      'header Idempotency-Key',
      'query limit',
      'query cursor',
    ]);
  });

  it('has an example of every request and answer, and the headers of answers', () => {
    const post = operationIn(document, 'post', '/v1/things');
    expect(post.requestBody?.content['application/json']?.example).to.deep.equal({
      thing: { id: 'x' },
    });
    const made = answerOf(document, post, 201);
    expect(made.content?.['application/json']?.example).to.deep.equal({ id: 'a' });
    expect(made.headers).to.include.keys('X-Request-Id', 'X-RateLimit-Remaining', 'Location');
    const list = answerOf(document, operationIn(document, 'get', '/v1/things'), 200);
    expect(list.content?.['text/csv']?.example).to.equal('id\r\na\r\n');
    expect(list.content?.['application/json']?.example).to.have.property('data').that.has.length(1);
    expect(answerOf(document, post, 503).headers).to.include.keys('Retry-After');
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

describe('links of the OpenAPI document', () => {
  const tenant = {
    audience: 'tenant',
    permission: 'keys:write',
    tag: 'x',
    summary: 'Do it',
  } as const;
  const made = answerObject('Made', {
    id: id('exec', 'It.'),
    file_id: id('file', 'A file.'),
    other: { ...text('None.'), examples: ['x'] },
  });
  const ledgerQuery = { type: 'object', properties: { execution_id: id('exec', 'Of this.') } };
  const confirm = requestObject('Confirm', { file_id: id('file', 'The file.') });
  const linked: Route[] = [
    { ...tenant, method: 'POST', path: '/runs', replySchemas: { 202: made }, handle: reply },
    {
      ...tenant,
      method: 'GET',
      path: '/executions/{id}',
      replySchemas: { 200: listOf('MadeList', made) },
      handle: reply,
    },
    {
      ...tenant,
      method: 'GET',
      path: '/ledger',
      querySchema: ledgerQuery,
      replySchemas: { 200: {} },
      handle: reply,
    },
    {
      ...tenant,
      method: 'POST',
      path: '/files/confirm',
      bodySchema: confirm,
      replySchemas: { 200: {} },
      handle: reply,
    },
    {
      audience: 'operator',
      tag: 'x',
      summary: 'x',
      method: 'DELETE',
      path: '/executions/{id}/files/{fileId}',
      replySchemas: { 204: 'Gone.' },
      handle: reply,
    },
    {
      audience: 'operator',
      tag: 'x',
      summary: 'x',
      method: 'POST',
      path: '/executions/{id}/files',
      replySchemas: { 200: answerObject('NewFile', { id: id('file', 'It.') }) },
      handle: reply,
    },
  ];

  const linksIn = (method: string, path: string, status: number) => {
    const document = openApiDocument(linked);
    const { links = {} } = operationIn(document, method, path).responses[status] as Response;
    return Object.values(links).map(({ description: _, ...link }) => link);
  };

  it('carry an id into paths, queries and bodies', () => {
    expect(linksIn('post', '/v1/runs', 202)).to.deep.equal([
      { operationId: 'getExecution', parameters: { id: '$response.body#/id' } },
      { operationId: 'getLedger', parameters: { execution_id: '$response.body#/id' } },
      { operationId: 'confirmFile', requestBody: { file_id: '$response.body#/file_id' } },
    ]);
    const [first] = linksIn('get', '/v1/executions/{id}', 200);
    expect(first?.parameters).to.deep.equal({ id: '$response.body#/data/0/id' });
  });

  it('take what else a path needs from the path of the request', () => {
    expect(linksIn('post', '/admin/v1/executions/{id}/files', 200)).to.deep.equal([
      {
        operationId: 'adminDeleteExecutionFile',
        parameters: { id: '$request.path.id', fileId: '$response.body#/id' },
      },
    ]);
  });

  it('come with patterns of what they carry', () => {
    const get = operationIn(openApiDocument(linked), 'get', '/v1/executions/{id}');
    expect(get.parameters?.[0]?.schema['pattern']).to.match(/^\^exec_/);
  });
});
