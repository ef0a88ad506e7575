/** Recorded traffic under another catalogue. */
import { expect } from 'chai';
import type { Catalogue, Model, Provider } from '../../contracts/catalogue/catalogue.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { NO_STREAM } from '../../infra/event-store/port.js';
import { appendOf } from '../../command-handling/streams.js';
import { deposited, storyOf, at, type Fact } from '../../projectors/testing/kit.js';
import { loadCatalogue } from '../../providers/catalogue/load-catalogue.js';
import { textOf } from '../../testing/repository-files.js';
import { completedIn } from './recorded.js';
import { openSums } from './sums.js';

const SLUG = 'text-generation-standard';

function bundled(): Catalogue {
  const loaded = loadCatalogue(textOf('catalogue.yaml'), { SANDBOX_URL: 'http://127.0.0.1:9' });
  if ('problems' in loaded) throw new Error(loaded.problems.join('; '));
  return loaded.catalogue;
}

/** The catalogue whose one text model has one route, at that price and cost of a request. */
function proposed(provider: string, price: bigint, cost: bigint): Catalogue {
  const { models, providers, version } = bundled();
  const model = models.get(SLUG) as Model;
  const [route] = model.routes;
  if (!route) throw new Error('it has no route');
  const only = { ...route, provider, price: { per_request: price }, cost: { per_request: cost } };
  const all = new Map([
    ...providers,
    [provider, { ...([...providers.values()][0] as Provider), slug: provider }],
  ]);
  return { version, providers: all, models: new Map([[SLUG, { ...model, routes: [only] }]]) };
}

describe('what if', () => {
  const all = { fromMs: -Infinity, toMs: Infinity };
  async function resultOf(catalogue: Catalogue, range = all, ...facts: readonly Fact[]) {
    const store = openMemoryEventStore();
    for (const { stream, ...event } of facts) {
      const [last] = await store.readStream(stream, { direction: 'backward', limit: 1 });
      const metadata = { actor: 'spec', correlationId: 'spec', causationId: 'spec' };
      const append = appendOf(stream, last?.revision ?? NO_STREAM, [event], metadata);
      await store.append({ appends: [append] });
    }
    const sums = openSums(catalogue);
    const { signal } = new AbortController();
    for await (const recorded of completedIn(store, range, signal)) sums.add(recorded);
    await store.close();
    return sums.result();
  }

  const [first, second, open] = [storyOf(), storyOf(), storyOf()];
  const done = (story: typeof first, second: number) =>
    [story.requested(second), story.dispatched(second), story.completed(second + 1)] as const;
  const facts = [deposited(0), ...done(first, 1), ...done(second, 10), open.requested(20)];

  it('is the same traffic at other prices, gone elsewhere where the route is', async () => {
    const result = await resultOf(proposed('elsewhere', 6_000n, 1_000n), all, ...facts);
    expect(result).to.deep.equal({
      executions: 2,
      elsewhere: 2,
      refused: {},
      today: { executions: 2, revenue: '0.008', cost: '0.004', margin: '0.004' },
      proposed: { executions: 2, revenue: '0.012', cost: '0.002', margin: '0.010' },
      lines: [
        {
          model: SLUG,
          provider: 'aurora',
          today: { executions: 2, revenue: '0.008', cost: '0.004', margin: '0.004' },
          proposed: { executions: 0, revenue: '0.000', cost: '0.000', margin: '0.000' },
        },
        {
          model: SLUG,
          provider: 'elsewhere',
          today: { executions: 0, revenue: '0.000', cost: '0.000', margin: '0.000' },
          proposed: { executions: 2, revenue: '0.012', cost: '0.002', margin: '0.010' },
        },
      ],
    });
  });

  it('counts what was accepted in the range, and what would have been refused', async () => {
    const range = { fromMs: Date.parse(at(10)), toMs: Date.parse(at(20)) };
    const same = proposed('aurora', 4_000n, 2_000n);
    const { executions, elsewhere, today, proposed: then } = await resultOf(same, range, ...facts);
    expect([executions, elsewhere, today.revenue, then.revenue]).to.deep.equal([
      1,
      0,
      '0.004',
      '0.004',
    ]);
    const without = { ...same, models: new Map() };
    const { refused, proposed: none } = await resultOf(without, all, ...facts);
    expect([refused, none.executions]).to.deep.equal([{ model_unknown: 2 }, 0]);
  });
});
