import { expect } from 'chai';
import fc from 'fast-check';
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import type { Price } from '../../contracts/catalogue/price-units.js';
import { closedCircuit, openedElsewhere } from './breaker.js';
import type { AttemptEnd } from '../execution/doubt.js';
import { chooseRoute, type RoutingFacts } from './choose-route.js';
import type { ProviderHealth } from './health.js';
import type { Observation } from './observation.js';

const perRequest = (amountMicros: bigint): Price => ({
  per_request: amountMicros,
  per_image: 0n,
  per_second: 0n,
  per_1k_input_tokens: 0n,
  per_1k_output_tokens: 0n,
});

const routeTo = (provider: string, more: Partial<Route> = {}): Route => ({
  name: `m/${provider}`,
  provider,
  providerModel: 'x',
  price: perRequest(1_000n),
  cost: perRequest(500n),
  priority: 0,
  ...more,
});

const providerOf = (slug: string, more: Partial<Provider> = {}): [string, Provider] => [
  slug,
  {
    slug,
    adapter: 'openai-chat',
    baseUrl: 'http://127.0.0.1:1',
    honoursIdempotencyKey: true,
    timeoutMs: 1_000,
    bulkhead: 10,
    breaker: { failuresToOpen: 3, successesToClose: 1, openMs: 1_000, halfOpenProbes: 1 },
    poll: { firstMs: 1_000, everyMs: 1_000, maxMs: 15_000 },
    ...more,
  },
];

const modelWith = (...routes: Route[]): Model => ({
  slug: 'm',
  name: 'M',
  description: 'M',
  modality: 'text',
  inputSchema: {},
  outputSchema: {},
  expiresInSeconds: 300,
  attemptsMax: 4,
  maxWaitMs: 60_000,
  unknownMaxCost: 10_000n,
  usageDefault: { inputTokens: 1_000, outputTokens: 256 },
  routes,
});

const aurora = routeTo('aurora');
const borealis = routeTo('borealis');

const facts = (more: Partial<RoutingFacts> = {}): RoutingFacts => ({
  model: modelWith(aurora, borealis),
  providers: new Map([providerOf('aurora'), providerOf('borealis')]),
  health: new Map(),
  tried: [],
  nowMs: 0,
  ...more,
});

const sick = (untilMs: number): ProviderHealth => ({
  circuit: { ...closedCircuit, epoch: 1, status: 'open', untilMs },
  inFlight: 0,
});

const attemptAt = (provider: string, more: Partial<AttemptEnd>): AttemptEnd => ({
  provider,
  route: `m/${provider}`,
  dispatchKey: `at ${provider}`,
  ...more,
});

const failed = (provider: string, retryable = true) =>
  attemptAt(provider, { ended: { retryable } });

/** Its provider is owed so much at most. */
const unknown = (provider: string, mayHaveCost: bigint, isRepeatable: boolean) =>
  attemptAt(provider, { ended: 'unknown', mayHaveCost, isRepeatable });

const reasons = (given: Partial<RoutingFacts>) =>
  chooseRoute(facts(given)).candidates.map(({ skipped }) => skipped);

describe('routing: choice among the healthy', () => {
  it('given equals, takes the first of the catalogue, and shows both', () => {
    expect(chooseRoute(facts())).to.deep.equal({
      chosen: aurora,
      candidates: [
        { route: 'm/aurora', provider: 'aurora', score: 100 },
        { route: 'm/borealis', provider: 'borealis', score: 100 },
      ],
      waitsFor: [],
    });
  });

  it('given equals, prefers the smaller priority', () => {
    const model = modelWith(routeTo('aurora', { priority: 1 }), borealis);
    expect(chooseRoute(facts({ model })).chosen).to.equal(borealis);
  });

  it('prefers the cheaper route, by price and cost together', () => {
    const model = modelWith(routeTo('aurora', { cost: perRequest(2_000n) }), borealis);
    const { chosen, candidates } = chooseRoute(facts({ model }));
    expect(chosen).to.equal(borealis);
    expect(candidates.map(({ score }) => score)).to.deep.equal([80, 100]);
  });

  it('prefers the quicker route, and gives the unobserved a chance', () => {
    const seen = (p90Ms: number, atMs = 0) => ({ counts: [], p90Ms, successShare: 1, atMs });
    const scoresAt = (observations: ReadonlyMap<string, Observation>, nowMs = 0) =>
      chooseRoute(facts({ observations, nowMs })).candidates.map(({ score }) => score);
    const both = new Map([
      ['m/aurora', seen(300)],
      ['m/borealis', seen(100)],
    ]);
    expect(scoresAt(both)).to.deep.equal([83, 100]);
    expect(scoresAt(new Map([['m/aurora', seen(300)]]))).to.deep.equal([100, 100]);
    expect(scoresAt(both, 300_000), 'too long ago').to.deep.equal([100, 100]);
    expect(chooseRoute(facts({ observations: both })).candidates[0]).to.deep.include({
      p90Ms: 300,
      success: 100,
    });
  });

  it('prefers the route whose calls succeeded lately', () => {
    const poor = { counts: [], successShare: 0.5, atMs: 0 };
    const observations = new Map([['m/aurora', poor]]);
    const { chosen, candidates } = chooseRoute(facts({ observations }));
    expect(chosen).to.equal(borealis);
    expect(candidates.map(({ score, success }) => [score, success])).to.deep.equal([
      [90, 50],
      [100, undefined],
    ]);
  });

  it('weighs prices by what the execution is estimated to use', () => {
    const long = routeTo('aurora', { price: { per_1k_input_tokens: 1_000n }, cost: {} });
    const brief = routeTo('borealis', { price: { per_1k_output_tokens: 1_000n }, cost: {} });
    const chosenFor = (usage: Usage) =>
      chooseRoute(facts({ model: modelWith(long, brief), usage })).chosen;
    expect(chosenFor({ inputTokens: 4_000, outputTokens: 1_100 })).to.equal(long);
    expect(chosenFor({ inputTokens: 4_000, outputTokens: 900 })).to.equal(brief);
  });

  it('draws by weight from those that are about as good, the same again for the same', () => {
    const model = modelWith(
      routeTo('aurora', { weight: 1, cost: perRequest(600n) }),
      routeTo('borealis', { weight: 3 }),
    );
    const names = Array.from({ length: 400 }, (_, n) => {
      const given = facts({ model, seed: `exec_${n}` });
      expect(chooseRoute(given)).to.deep.equal(chooseRoute(given));
      return chooseRoute(given).chosen?.provider;
    });
    expect(names.filter((name) => name === 'aurora').length).to.be.within(70, 130);
    const dear = modelWith(routeTo('aurora', { weight: 9, cost: perRequest(2_000n) }), {
      ...borealis,
      weight: 1,
    });
    for (let n = 0; n < 50; n++)
      expect(chooseRoute(facts({ model: dear, seed: `${n}` })).chosen?.provider).to.equal(
        'borealis',
      );
    const none = modelWith({ ...aurora, weight: 0 }, { ...borealis, weight: 0 });
    expect(chooseRoute(facts({ model: none, seed: 'x' })).chosen?.provider).to.equal('aurora');
  });

  it('prefers the provider with more room', () => {
    const health = new Map([['aurora', { circuit: closedCircuit, inFlight: 5 }]]);
    const { chosen, candidates } = chooseRoute(facts({ health }));
    expect(chosen).to.equal(borealis);
    expect(candidates.map(({ score }) => score)).to.deep.equal([93, 100]);
  });
});

describe('routing: what is skipped, and why', () => {
  it('skips an open breaker, a resting provider, a full bulkhead and an unknown provider', () => {
    const health = new Map<string, ProviderHealth>([
      ['aurora', sick(500)],
      ['borealis', { circuit: closedCircuit, inFlight: 10 }],
      ['calm', { circuit: { ...closedCircuit, throttledUntilMs: 900 }, inFlight: 0 }],
    ]);
    const model = modelWith(aurora, borealis, routeTo('calm'), routeTo('gone'));
    const providers = new Map([providerOf('aurora'), providerOf('borealis'), providerOf('calm')]);
    const choice = chooseRoute(facts({ model, providers, health }));
    expect(choice.candidates.map(({ skipped }) => skipped)).to.deep.equal([
      'breaker_open',
      'bulkhead_full',
      'throttled',
      'provider_unknown',
    ]);
    expect(choice.waitsFor).to.deep.equal(['aurora', 'borealis', 'calm']);
    expect(choice).not.to.have.property('chosen');
  });

  it('given only an open breaker, waits for it until it may be probed', () => {
    const health = new Map([['aurora', sick(500)]]);
    const model = modelWith(aurora);
    expect(chooseRoute(facts({ model, health })).waitsFor).to.deep.equal(['aurora']);
    expect(chooseRoute(facts({ model, health, nowMs: 500 })).chosen).to.equal(aurora);
  });

  it('given a failure for good, does not try that route again', () => {
    expect(reasons({ tried: [failed('aurora', false)] })).to.deep.equal([
      'failed_for_good',
      undefined,
    ]);
  });

  it('given a route that would answer the same again, tries others', () => {
    const ended = { retryable: true, elsewhere: true as const };
    expect(reasons({ tried: [attemptAt('aurora', { ended })] })).to.deep.equal([
      'failed_for_good',
      undefined,
    ]);
  });

  it('leaves alone a route that refuses, and what rests for one organization only', () => {
    const rests = openedElsewhere(closedCircuit, 500);
    const circuits = new Map([['m/aurora', rests]]);
    expect(reasons({ circuits })).to.deep.equal(['route_rests', undefined]);
    const health = new Map([
      ['borealis', { circuit: openedElsewhere(closedCircuit, 500, 'x'), inFlight: 0 }],
    ]);
    expect(reasons({ health, organization: 'x' })).to.deep.equal([undefined, 'breaker_open']);
    expect(reasons({ health, organization: 'y' })).to.deep.equal([undefined, undefined]);
  });

  it('says when the first is back, where all rest', () => {
    const health = new Map([
      ['aurora', sick(500)],
      ['borealis', sick(400)],
    ]);
    expect(chooseRoute(facts({ health })).restsUntilMs).to.equal(400);
    health.set('borealis', { circuit: closedCircuit, inFlight: 10 });
    expect(chooseRoute(facts({ health }))).to.not.have.property('restsUntilMs');
  });

  it('a provider whose accounts are at their limit, and waits for it', () => {
    const hasRoom = ({ slug }: Provider) => slug !== 'aurora';
    expect(reasons({ hasRoom })).to.deep.equal(['limit', undefined]);
    const choice = chooseRoute(facts({ hasRoom: () => false }));
    expect(choice.waitsFor).to.deep.equal(['aurora', 'borealis']);
    expect(choice).to.not.have.property('restsUntilMs');
  });

  it('a route that does not promise what is required, or cannot do what is asked', () => {
    const model = modelWith(
      routeTo('aurora', { promises: { region: 'us' } }),
      routeTo('borealis', { promises: { region: 'eu' }, capabilities: { tools: false } }),
    );
    const asked = { model, require: { region: 'eu' }, input: { tools: [{}] } };
    const { candidates, waitsFor } = chooseRoute(facts(asked));
    expect(waitsFor).to.deep.equal([]);
    expect(candidates.map(({ skipped, lacks }) => [skipped, lacks])).to.deep.equal([
      ['require', undefined],
      ['capability', 'input.tools'],
    ]);
  });

  it('given nothing that waiting can help, says neither route nor provider', () => {
    const tried = [failed('aurora', false), failed('borealis', false)];
    const choice = chooseRoute(facts({ tried }));
    expect(choice).to.have.all.keys('candidates', 'waitsFor').and.have.property('waitsFor').empty;
  });
});

describe('routing: after failures', () => {
  it('given a retryable failure, tries the untried first, even when it scores less', () => {
    const model = modelWith(aurora, routeTo('borealis', { price: perRequest(9_000n) }));
    const choice = chooseRoute(facts({ model, tried: [failed('aurora')] }));
    expect(choice.chosen?.name).to.equal('m/borealis');
  });

  it('given failures everywhere, returns to the one that failed less', () => {
    const tried = [failed('aurora'), failed('borealis'), failed('aurora')];
    expect(chooseRoute(facts({ tried })).chosen).to.equal(borealis);
  });
});

describe('routing: after an outcome that is unknown', () => {
  const unkeyed = new Map([
    providerOf('aurora'),
    providerOf('borealis', { honoursIdempotencyKey: false }),
  ]);

  it('asks the provider again that honours our key, and another one only after that', () => {
    const open = unknown('borealis', 500n, true);
    expect(chooseRoute(facts({ tried: [open] })).chosen).to.equal(borealis);
    expect(chooseRoute(facts({ tried: [open, open] })).chosen).to.equal(aurora);
    const refused = [open, failed('borealis')];
    expect(chooseRoute(facts({ tried: refused })).chosen).to.equal(borealis);
    expect(chooseRoute(facts({ tried: [...refused, failed('borealis')] })).chosen).to.equal(aurora);
  });

  it('waits for it while it is full, and goes elsewhere while it rests', () => {
    const tried = [unknown('borealis', 500n, true)];
    const full = new Map([['borealis', { circuit: closedCircuit, inFlight: 10 }]]);
    const choice = chooseRoute(facts({ tried, health: full }));
    expect(choice.candidates.map(({ skipped }) => skipped)).to.deep.equal([
      'outcome_unknown_elsewhere',
      'bulkhead_full',
    ]);
    expect(choice.waitsFor).to.deep.equal(['borealis']);
    const health = new Map([['borealis', sick(500)]]);
    expect(chooseRoute(facts({ tried, health })).chosen).to.equal(aurora);
  });

  it('never asks a provider again that does not, and another one within the loss', () => {
    const within = facts({ providers: unkeyed, tried: [unknown('borealis', 10_000n, false)] });
    expect(chooseRoute(within).chosen).to.equal(aurora);
    expect(reasons(within)).to.deep.equal([undefined, 'outcome_unknown']);
    const beyond = facts({ providers: unkeyed, tried: [unknown('borealis', 10_001n, false)] });
    const choice = chooseRoute(beyond);
    expect(choice.candidates.map(({ skipped }) => skipped)).to.deep.equal([
      'outcome_unknown_elsewhere',
      'outcome_unknown',
    ]);
    expect(choice).to.have.all.keys('candidates', 'waitsFor').and.have.property('waitsFor').empty;
  });

  it('counts what all of them may have cost, and stays where nobody can tell', () => {
    const tried = [unknown('x', 6_000n, false), unknown('y', 4_001n, false)];
    expect(reasons({ tried })).to.deep.equal(Array(2).fill('outcome_unknown_elsewhere'));
    const untold = [attemptAt('borealis', { ended: 'unknown' })];
    expect(reasons({ tried: untold })).to.deep.equal(['outcome_unknown_elsewhere', undefined]);
    const unended = [attemptAt('borealis', {})];
    expect(reasons({ tried: unended })).to.deep.equal(['outcome_unknown_elsewhere', undefined]);
  });

  it('takes no other route of the provider, though it honours our key', () => {
    const model = modelWith(aurora, routeTo('aurora', { name: 'm/other' }));
    const choice = chooseRoute(facts({ model, tried: [unknown('aurora', 1n, true)] }));
    expect(choice.candidates.map(({ skipped }) => skipped)).to.deep.equal([
      undefined,
      'outcome_unknown',
    ]);
  });

  it('goes nowhere else where a model may lose nothing', () => {
    const model = { ...modelWith(aurora, borealis), unknownMaxCost: 0n };
    const tried = [unknown('borealis', 0n, false)];
    expect(reasons({ model, tried, providers: unkeyed })).to.deep.equal([
      'outcome_unknown_elsewhere',
      'outcome_unknown',
    ]);
  });
});

describe('routing: properties', () => {
  it('chooses an eligible candidate exactly when there is one, the same every time', () => {
    const health = fc.record({
      inFlight: fc.nat({ max: 12 }),
      openUntilMs: fc.nat({ max: 2_000 }),
      open: fc.boolean(),
    });
    const tried = fc.array(
      fc.record({ provider: fc.constantFrom('aurora', 'borealis'), retryable: fc.boolean() }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(health, health, tried, fc.nat({ max: 2_000 }), (a, b, attempts, nowMs) => {
        const seen = [a, b].map(({ inFlight, open, openUntilMs }) => {
          const circuit = open ? sick(openUntilMs).circuit : closedCircuit;
          return { circuit, inFlight };
        });
        const given = facts({
          health: new Map(seen.map((one, i) => [i === 0 ? 'aurora' : 'borealis', one])),
          tried: attempts.map(({ provider, retryable }) => failed(provider, retryable)),
          nowMs,
        });
        const choice = chooseRoute(given);
        expect(chooseRoute(given)).to.deep.equal(choice);
        const eligible = choice.candidates.filter(({ skipped }) => !skipped);
        expect(Boolean(choice.chosen)).to.equal(eligible.length > 0);
        if (choice.chosen) expect(eligible.map((c) => c.route)).to.include(choice.chosen.name);
        if (choice.chosen) expect(choice.waitsFor).to.deep.equal([]);
        for (const { score } of choice.candidates) expect(score).to.be.within(0, 100);
      }),
    );
  });
});
