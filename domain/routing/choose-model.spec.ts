import { expect } from 'chai';
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { AttemptEnd } from '../execution/doubt.js';
import { closedCircuit } from './breaker.js';
import { chooseModel, isFull } from './choose-model.js';
import type { ProviderHealth } from './health.js';

const provider = (slug: string): [string, Provider] => [
  slug,
  {
    slug,
    adapter: 'openai-chat',
    baseUrl: 'http://127.0.0.1:1',
    honoursIdempotencyKey: false,
    timeoutMs: 1_000,
    bulkhead: 1,
    breaker: { failuresToOpen: 3, successesToClose: 1, openMs: 1_000, halfOpenProbes: 1 },
    poll: { firstMs: 1_000, everyMs: 1_000, maxMs: 15_000 },
  },
];
const providers = new Map(['a', 'b', 'c'].map(provider));

const modelOn = (slug: string, ...slugs: readonly string[]): Model => ({
  slug,
  name: slug,
  description: slug,
  modality: 'text',
  inputSchema: {},
  outputSchema: {},
  expiresInSeconds: 300,
  attemptsMax: 4,
  maxWaitMs: 60_000,
  unknownMaxCost: 0n,
  usageDefault: {},
  routes: slugs.map((name): Route => ({
    name: `${slug}/${name}`,
    provider: name,
    providerModel: 'x',
    price: {},
    cost: {},
    priority: 0,
  })),
});

const first = modelOn('first', 'a', 'b');
const second = modelOn('second', 'c');
const resting: ProviderHealth = {
  circuit: { ...closedCircuit, status: 'open', untilMs: 500 },
  inFlight: 0,
};
const full: ProviderHealth = { circuit: closedCircuit, inFlight: 1 };

const failed = (route: string, ended: AttemptEnd['ended'] = { retryable: true }): AttemptEnd => ({
  provider: route.slice(-1),
  route,
  dispatchKey: route,
  ...(ended && { ended }),
});

const chosen = (tried: readonly AttemptEnd[], health: Readonly<Record<string, ProviderHealth>>) => {
  const facts = { providers, health: new Map(Object.entries(health)), tried, nowMs: 0 };
  const next = chooseModel([{ model: first }, { model: second }], facts);
  return next?.choice.chosen?.name ?? `waits for ${next?.choice.waitsFor.join()}`;
};

describe('routing: the model that is next', () => {
  const both = [failed('first/a'), failed('first/b')];

  it('is the first while one of its routes was not tried', () => {
    expect(chosen([], {})).to.equal('first/a');
    expect(chosen([failed('first/a')], {})).to.equal('first/b');
    expect(chosen([], { a: resting })).to.equal('first/b');
  });

  it('is the next once all have failed, rest, or one of the two', () => {
    expect(chosen(both, {})).to.equal('second/c');
    expect(chosen([], { a: resting, b: resting })).to.equal('second/c');
    expect(chosen([failed('first/a')], { b: resting })).to.equal('second/c');
    expect(chosen([failed('first/a', { retryable: false })], { b: resting })).to.equal('second/c');
  });

  it('is waited for while a route that was not tried is only full', () => {
    expect(chosen([], { a: full, b: resting })).to.equal('waits for a,b');
    expect(chosen([failed('first/a')], { a: resting, b: full })).to.equal('waits for a,b');
    expect(chosen(both, { a: full, b: full })).to.equal('second/c');
  });

  it('is the last again and again, and the first where all rest', () => {
    expect(chosen([...both, failed('second/c')], {})).to.equal('second/c');
    expect(chosen([], { a: resting, b: resting, c: resting })).to.equal('waits for a,b');
    expect(chosen(both, { c: resting })).to.equal('waits for c');
  });

  it('is none but the one whose attempt may have been paid for, where nothing may be lost', () => {
    expect(chosen([failed('first/a', 'unknown')], {})).to.equal('waits for ');
  });

  describe('where an attempt may have been paid for, and another provider may be paid too', () => {
    const keyed = new Map(
      [...providers].map(([slug, one]) => [slug, { ...one, honoursIdempotencyKey: true }]),
    );
    const open: AttemptEnd = { ...failed('one/a', 'unknown'), mayHaveCost: 1n, isRepeatable: true };
    const one = modelOn('one', 'a');
    const next = (
      tried: readonly AttemptEnd[],
      unknownMaxCost: bigint,
      health: Readonly<Record<string, ProviderHealth>> = {},
    ) => {
      const models = [one, second].map((model) => ({ model: { ...model, unknownMaxCost } }));
      const known = new Map(Object.entries(health));
      const facts = { providers: keyed, health: known, tried, nowMs: 0 };
      const found = chooseModel(models, facts);
      return found?.choice.chosen?.name ?? `waits for ${found?.choice.waitsFor.join()}`;
    };

    it('is its own model until it left two answers open, and while its provider is full', () => {
      expect(next([open], 5n)).to.equal('one/a');
      expect(next([open], 5n, { a: full })).to.equal('waits for a');
      expect(next([open], 5n, { a: resting })).to.equal('second/c');
      expect(next([open, open], 5n)).to.equal('second/c');
      expect(next([open, failed('one/a'), failed('one/a')], 5n)).to.equal('second/c');
    });

    it('is its own model again where nothing else may be taken', () => {
      expect(next([open, open], 0n)).to.equal('one/a');
      expect(next([open, open], 5n, { c: resting })).to.equal('one/a');
    });
  });

  it('a choice is full where a route takes others now', () => {
    const facts = { providers, health: new Map([['c', full]]), tried: [], nowMs: 0 };
    const next = chooseModel([{ model: second }], facts);
    expect(next && isFull(next.choice)).to.equal(true);
    expect(chooseModel([], facts)).to.equal(undefined);
  });
});
