import { expect } from 'chai';
import type { Model, Provider } from '../../contracts/catalogue/catalogue.js';
import { closedCircuit, type Circuit } from './breaker.js';
import { allRest, providersOf, queueNamed, queueNameOf, restMaxMs } from './waiting-queue.js';

const modelOver = (...providers: string[]) =>
  ({
    slug: 'text',
    maxWaitMs: 5_000,
    unknownMaxCost: 10_000n,
    routes: providers.map((provider) => ({ name: `text/${provider}`, provider })),
  }) as unknown as Model;
const model = modelOver('aurora', 'borealis', 'calm');
const catalogue = {
  models: new Map([['text', model]]),
  providers: new Map(['aurora', 'borealis'].map((slug) => [slug, {} as Provider])),
};

describe('the queue of a waiting execution', () => {
  const nameOf = (waitsFor: readonly string[], isBound = false) =>
    queueNameOf({ waitsFor }, model, isBound);

  it('is that of the model, of some of its providers, or of the one that it is bound to', () => {
    expect(nameOf(['calm', 'aurora', 'borealis'])).to.equal('text');
    expect(nameOf(['calm', 'aurora'])).to.equal('text aurora calm');
    expect(nameOf(['calm'], true)).to.equal('text =calm');
  });

  it('is known by its name', () => {
    expect(queueNamed('text')).to.deep.equal({ model: 'text', isBound: false });
    expect(queueNamed('text aurora calm')).to.deep.equal({
      model: 'text',
      providers: ['aurora', 'calm'],
      isBound: false,
    });
    expect(queueNamed('text =calm')).to.deep.equal({
      model: 'text',
      providers: ['calm'],
      isBound: true,
    });
  });

  it('waits for the providers that the catalogue still has', () => {
    const of = (name: string) => providersOf(queueNamed(name), catalogue);
    expect(of('text')).to.deep.equal(['aurora', 'borealis']);
    expect(of('text borealis calm')).to.deep.equal(['borealis']);
    expect(of('text =calm')).to.deep.equal([]);
    expect(of('gone')).to.deep.equal([]);
  });

  it('waits for resting providers as long as its model says, and longer when bound', () => {
    expect(restMaxMs(queueNamed('text'), model)).to.equal(5_000);
    expect(restMaxMs(queueNamed('text =calm'), model)).to.equal(30_000);
    expect(restMaxMs(queueNamed('gone'), undefined)).to.equal(0);
  });

  it('rests when every provider does', () => {
    const open: Circuit = { ...closedCircuit, status: 'open', untilMs: 500 };
    const healthOf = (circuit: Circuit) => ({ circuit, inFlight: 10 });
    const health = new Map([
      ['aurora', healthOf(open)],
      ['borealis', healthOf({ ...closedCircuit, throttles: 1, throttledUntilMs: 900 })],
    ]);
    const routes = new Map<string, Circuit>();
    const circuits = { health: () => health, routes: () => routes };
    expect(allRest(['aurora', 'borealis'], model, circuits, 600)).to.equal(true);
    expect(allRest(['aurora', 'calm'], model, circuits, 600)).to.equal(false);
    health.set('borealis', healthOf(closedCircuit));
    expect(allRest(['aurora', 'borealis'], model, circuits, 600)).to.equal(false);
    const own = model.routes.filter(({ provider }) => provider === 'borealis');
    for (const { name } of own) routes.set(name, open);
    expect(allRest(['aurora', 'borealis'], model, circuits, 600)).to.equal(own.length > 0);
  });
});
