/** What a caller pays is what was promised when the execution was accepted. */
import { hash } from 'node:crypto';
import { expect } from 'chai';
import type { Price } from '../../contracts/catalogue/price-units.js';
import type { Usage } from '../../contracts/events/execution.js';
import { costOf } from '../../domain/pricing/pricing.js';
import {
  openSpecInfra,
  type CatalogueFile,
  type OtherInfra,
  type SpecInfra,
} from '../../runtime/testing/spec-infra.js';
import { behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import { processorWorkers } from '../app.js';
import {
  accountOf,
  ask,
  eventOf,
  FUNDS,
  TEXT,
  whenHoldEnded,
  whenOver,
  type Asked,
} from '../testing/kit.js';

interface PricedRoute {
  name?: string;
  provider: string;
  price: Record<string, string>;
}

const QUICK = { latency: 5 };

describe('promised prices', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let asked: Asked;
  let promised: readonly Price[];

  beforeEach(async () => {
    spec = await openSpecInfra();
    await behaveWell(spec.sandbox.url);
    await behave(spec.sandbox.url, { aurora: QUICK, borealis: QUICK });
    asked = await ask(spec.infra);
    const model = spec.infra.catalogue.current().models.get(TEXT);
    promised = model?.routes.map(({ price }) => price) ?? [];
  });
  afterEach(() => spec.close());

  const editRoutes = (edit: (routes: PricedRoute[]) => void) =>
    spec.editCatalogue(({ models }: CatalogueFile) => {
      edit((models[TEXT]?.routes ?? []) as unknown as PricedRoute[]);
    });

  /** Dispatched, run and settled by a process that has seen the newest catalogue only. */
  async function completedElsewhere(): Promise<{ cost: bigint; usage: Usage; route: string }> {
    const other: OtherInfra = await spec.another();
    const stop = spec.run(processorWorkers(other.infra));
    try {
      expect(await whenOver(other.infra, asked, 20_000)).to.equal('completed');
      const ended = await whenHoldEnded(other.infra, asked, 20_000);
      const { data } = await eventOf(other.infra, asked, 'ExecutionCompleted');
      expect(ended.type === 'HoldSettled' && ended.data.charged).to.equal(data.cost);
      const { available } = await accountOf(other.infra, asked.organizationId);
      expect(available).to.equal(FUNDS - data.cost);
      const { route } = (await eventOf(other.infra, asked, 'ProviderDispatched')).data;
      return { cost: data.cost, usage: data.usage, route };
    } finally {
      await stop();
    }
  }

  it('hold after the catalogue has changed, in a process that never saw them', async () => {
    await editRoutes((routes) => {
      for (const route of routes) route.price = { per_1k_output_tokens: '0.9' };
    });
    const { cost, usage } = await completedElsewhere();
    const [first] = promised;
    if (!first) throw new Error('the model has no route');
    expect(cost).to.equal(costOf(first, usage));
    expect(cost > 0n).to.equal(true);
  });

  it('hold with the bound that was estimated, which is what the provider is sent', async () => {
    asked = await ask(spec.infra, { input: { prompt: 'Tell me of the sea.' } });
    await spec.editCatalogue(({ models }) => {
      const model = models[TEXT] as unknown as {
        usage_default: { output_tokens: number };
        input_schema: { properties: { max_tokens: { default?: number } } };
      };
      model.usage_default.output_tokens = 4_096;
      delete model.input_schema.properties.max_tokens.default;
    });
    const { usage } = await completedElsewhere();
    expect(usage.outputTokens).to.be.at.most(256);
    const [sent] = await callsFor(spec.sandbox.url, asked.executionId);
    const bodies = ['aurora-text-1', 'borealis-chat-large'].map((model) =>
      JSON.stringify({
        model,
        messages: [{ role: 'user', content: 'Tell me of the sea.' }],
        stream: false,
        max_tokens: 256,
      }),
    );
    expect(bodies.map((body) => hash('sha256', body, 'hex'))).to.include(sent?.bodySha256);
  });

  it('bound what a route costs that came later', async () => {
    await editRoutes((routes) => {
      for (const route of routes) {
        route.name = `late/${route.provider}`;
        route.price = { per_1k_output_tokens: '0.9' };
      }
    });
    const { cost, usage, route } = await completedElsewhere();
    expect(route).to.match(/^late\//);
    const most = promised.map((price) => costOf(price, usage));
    expect(cost).to.equal(most.reduce((a, b) => (a > b ? a : b)));
  });

  it('do not make a later route dearer than it is', async () => {
    await editRoutes((routes) => {
      for (const route of routes) {
        route.name = `late/${route.provider}`;
        route.price = { per_request: '0.000001' };
      }
    });
    expect((await completedElsewhere()).cost).to.equal(1n);
  });
});
