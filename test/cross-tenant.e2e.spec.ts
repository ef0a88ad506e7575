/**
 * Another tenant's id is answered as a made-up one is, on every route that takes an id: in a path,
 * a query or a body. The routes are those of the served document, so that a new one is tried, and a
 * new kind of id fails here until a thing of that kind is made below.
 */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { newTenant, send, type Answer, type Tenant } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { sharedSystem } from '../testing/system-in-suite.js';
import { accept, imageOf, newKey, textOf, whenOver } from './testing/executions.js';

type Schema = Readonly<Record<string, unknown>>;
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly security: readonly Schema[];
  readonly parameters?: readonly { name: string; in: Place | 'header'; schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: Schema }>> };
}

type Place = 'path' | 'query' | 'body';

/** One id that one operation takes. */
interface Taker {
  readonly method: string;
  readonly path: string;
  readonly place: Place;
  readonly name: string;
  /** `exec`, `file`, … */
  readonly kind: string;
  readonly body: Schema | undefined;
}

const idForm = /^\^([a-z]+)_\[0-9a-f\]/;

/** What differs between two answers to the same question. */
const OF_THE_MOMENT = /^(date|x-request-id|x-ratelimit-.*|ratelimit.*)$/;

describe('an id of another tenant', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let [owner, other]: Partial<Tenant>[] = [];
  let takers: readonly Taker[];
  let things: Readonly<Record<string, string>>;

  before(async () => {
    const served = await send<Document>(`${system().baseUrl}/openapi.json`, 'GET');
    takers = takersIn(served.body);
    const [one, two] = await Promise.all([newTenant(system()), newTenant(system())]);
    [owner, other] = [one, two];
    things = await thingsOf(one);
  });

  const apiOf = ({ api }: Partial<Tenant> = {}) => {
    if (!api) throw new Error('the tenants are made before the specs');
    return api;
  };
  const ask = (tenant: Partial<Tenant> | undefined, taker: Taker, id: string) => {
    const { method, place, name, body } = taker;
    const path = taker.path.replace('/v1', '').replace('{id}', id);
    const query = place === 'query' ? `?${name}=${id}` : '';
    const recent = body &&
      'since' in body && { since: new Date(Date.now() - 60_000).toISOString() };
    const filled = body && { ...body, ...recent, ...(place === 'body' && { [name]: id }) };
    const isNamed = body !== undefined && 'idempotency_key' in body;
    const headers: Record<string, string> = isNamed ? {} : { 'idempotency-key': newKey() };
    return apiOf(tenant).call(method, `${path}${query}`, {
      headers,
      ...(filled && { body: filled }),
    });
  };
  const named = ({ method, path, place, name }: Taker) => `${method} ${path} (${place} ${name})`;

  it('is taken by routes of which each is tried', () => {
    expect(takers.length).to.be.above(20);
    const unmade = takers.filter(({ kind }) => things[kind] === undefined);
    expect(unmade.map(named)).to.deep.equal([]);
  });

  it('is of a thing that is there: its owner finds it', async () => {
    const reads = takers.filter(({ method, place }) => method === 'GET' && place === 'path');
    const found = new Set<string>();
    for (const taker of reads)
      if ((await ask(owner, taker, things[taker.kind] ?? '')).status === 200) found.add(taker.kind);
    const kinds = new Set(reads.map(({ kind }) => kind));
    expect([...found].sort()).to.deep.equal([...kinds].sort());
  });

  it('is answered as one that was made up, whatever is asked', async () => {
    for (const taker of takers) {
      const theirs = things[taker.kind] ?? '';
      const madeUp = `${taker.kind}_${randomUUID()}`;
      const [foreign, unknown] = [await ask(other, taker, theirs), await ask(other, taker, madeUp)];
      expect(shownBy(foreign, theirs), named(taker)).to.deep.equal(shownBy(unknown, madeUp));
      const expected = { path: [404], query: [200], body: [400, 404] }[taker.place];
      expect(expected, named(taker)).to.include(foreign.status);
    }
  });

  it('is answered so where it stands in an input', async () => {
    const submit = (id: string) => {
      const { model, input } = imageOf('The same at night');
      return apiOf(other).submit({ model, input: { ...input, image: id } }, newKey());
    };
    const [theirs, madeUp] = [things['file'] ?? '', `file_${randomUUID()}`];
    const [foreign, unknown] = [await submit(theirs), await submit(madeUp)];
    expect(foreign.status).to.equal(400);
    expect(shownBy(foreign, theirs)).to.deep.equal(shownBy(unknown, madeUp));
  });

  it('changes nothing of what its owner has', async () => {
    for (const [kind, path] of Object.entries(HOMES)) {
      const { status } = await apiOf(owner).call('GET', `${path}/${things[kind] ?? ''}`);
      expect(status, kind).to.equal(200);
    }
    const { body } = await apiOf(owner).call<{ data: object[] }>('GET', '/api-keys');
    expect(body.data).to.have.length(2);
  });
});

const HOMES = {
  exec: '/executions',
  batch: '/batches',
  file: '/files',
  we: '/webhooks/endpoints',
  dlv: '/webhooks/deliveries',
};

/** One of each kind, made by its owner. */
async function thingsOf({ api }: Tenant): Promise<Readonly<Record<string, string>>> {
  const make = async (path: string, body: object) => {
    const answer = await api.call<{ id: string; batch_id?: string }>('POST', path, { body });
    if (answer.status >= 300) throw new Error(`${path} was answered ${answer.text}`);
    return answer.body.batch_id ?? answer.body.id;
  };
  const we = await make('/webhooks/endpoints', { url: 'https://receiver.invalid/hook' });
  const key = await make('/api-keys', { name: 'another' });
  const items = [{ ...textOf('One of a batch'), idempotency_key: newKey() }];
  const batch = await make('/executions/batch', { executions: items });
  const { id: exec } = await accept(api, imageOf('A river'));
  await whenOver(api, exec);
  const { body } = await api.result(exec);
  const [image] = (body as unknown as { output: { images: { file_id: string }[] } }).output.images;
  const delivery = await eventually('a delivery', async () => {
    const deliveries = await api.all<{ id: string }>(`/webhooks/deliveries?endpoint_id=${we}`);
    return deliveries[0];
  });
  return { exec, batch, file: image?.file_id ?? '', we, dlv: delivery.id, key };
}

function takersIn({ paths, components }: Document): readonly Taker[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) => {
      if (!('apiKey' in (operation.security[0] ?? {}))) return [];
      const body = exampleOf(operation.requestBody, components.schemas);
      const about = { method: method.toUpperCase(), path, body: body?.example };
      const ids = (operation.parameters ?? []).flatMap((parameter) => {
        const kind = kindOf(parameter.schema);
        const { name, in: place } = parameter;
        return kind && place !== 'header' ? [{ ...about, place, name, kind }] : [];
      });
      const inBody = Object.entries(body?.properties ?? {}).flatMap(([name, schema]) => {
        const kind = kindOf(schema);
        return kind ? [{ ...about, place: 'body' as const, name, kind }] : [];
      });
      return [...ids, ...inBody];
    }),
  );
}

const kindOf = ({ pattern }: Schema): string | undefined =>
  typeof pattern === 'string' ? idForm.exec(pattern)?.[1] : undefined;

/** The body's schema and the example that the document gives. */
function exampleOf(
  requestBody: Operation['requestBody'],
  schemas: Readonly<Record<string, Schema>>,
) {
  const schema = requestBody?.content['application/json']?.schema;
  if (!schema) return undefined;
  const { $ref: reference = '' } = schema as { $ref?: string };
  const name = reference.split('/').at(-1) ?? '';
  const { properties = {}, examples = [{}] } = schemas[name] ?? schema;
  const [example] = examples as readonly Schema[];
  return { properties: properties as Readonly<Record<string, Schema>>, example };
}

/** All that a caller sees of an answer, without what names the request, the time and the id. */
function shownBy({ status, headers, text }: Answer<unknown>, id: string) {
  const seen = Object.entries(headers).filter(([name]) => !OF_THE_MOMENT.test(name));
  const plain = text.replaceAll(/"req_[^"]*"/g, '"req"').replaceAll(id, '<id>');
  return { status, headers: Object.fromEntries(seen), text: plain };
}
