/**
 * Another tenant's id is answered as a made-up one is, on every route that takes an id: in a path,
 * a query or a body. The routes are those of the served document, so that a new one is tried, and a
 * new kind of id fails here until a thing of that kind is made below.
 */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { newTenant, type Answer, type Tenant } from '../testing/client.js';
import { sharedSystem } from '../testing/system-in-suite.js';
import { imageOf, newKey } from './testing/executions.js';
import { askFor, named, takersOf, thingsOf, type Taker } from './testing/id-takers.js';

/** What differs between two answers to the same question. */
const OF_THE_MOMENT = /^(date|x-request-id|x-ratelimit-.*|ratelimit.*)$/;

describe('an id of another tenant', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let [owner, other]: Partial<Tenant>[] = [];
  let takers: readonly Taker[];
  let things: Readonly<Record<string, string>>;

  before(async () => {
    takers = await takersOf(system());
    const [one, two] = await Promise.all([newTenant(system()), newTenant(system())]);
    [owner, other] = [one, two];
    things = await thingsOf(one);
  });

  const apiOf = ({ api }: Partial<Tenant> = {}) => {
    if (!api) throw new Error('the tenants are made before the specs');
    return api;
  };

  it('is taken by routes of which each is tried', () => {
    expect(takers.length).to.be.above(20);
    const unmade = takers.filter(({ kind }) => things[kind] === undefined);
    expect(unmade.map(named)).to.deep.equal([]);
  });

  it('is of a thing that is there: its owner finds it', async () => {
    const reads = takers.filter(({ method, place }) => method === 'GET' && place === 'path');
    const found = new Set<string>();
    for (const taker of reads)
      if ((await askFor(apiOf(owner), taker, things[taker.kind] ?? '')).status === 200)
        found.add(taker.kind);
    const kinds = new Set(reads.map(({ kind }) => kind));
    expect([...found].sort()).to.deep.equal([...kinds].sort());
  });

  it('is answered as one that was made up, whatever is asked', async () => {
    for (const taker of takers) {
      const theirs = things[taker.kind] ?? '';
      const madeUp = `${taker.kind}_${randomUUID()}`;
      const [foreign, unknown] = [
        await askFor(apiOf(other), taker, theirs),
        await askFor(apiOf(other), taker, madeUp),
      ];
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

/** All that a caller sees of an answer, without what names the request, the time and the id. */
function shownBy({ status, headers, text }: Answer<unknown>, id: string) {
  const seen = Object.entries(headers).filter(([name]) => !OF_THE_MOMENT.test(name));
  const plain = text.replaceAll(/"req_[^"]*"/g, '"req"').replaceAll(id, '<id>');
  return { status, headers: Object.fromEntries(seen), text: plain };
}
