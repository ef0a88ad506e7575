/** What callers and operators see while one of two providers is ill, dies, or is ill for one. */
import { expect } from 'chai';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import type { OrganizationId } from '../../contracts/ids.js';
import type { Infra } from '../../runtime/infra.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { projectorWorkers } from '../../projectors/app.js';
import { behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import { eventually } from '../../testing/eventually.js';
import { openTcpProxy, type TcpProxy } from '../../testing/tcp-proxy.js';
import { processorWorkers } from '../app.js';
import {
  accountOf,
  ask,
  eventOf,
  eventsOf,
  FUNDS,
  newOrganization,
  TEXT,
  whenHoldEnded,
  whenOver,
  words,
  type Asked,
} from '../testing/kit.js';

const TIMEOUT_MS = 700;
const OPEN_MS = 1_000;
const AURORA = 'aurora-chat';

describe('failover', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void>;

  before(async () => {
    spec = await openSpecInfra(({ providers, models }) => {
      // The first route is far cheaper, so that it is taken wherever it may be.
      const [, dear] = models[TEXT]!.routes;
      Object.assign(dear!, { cost: { per_request: '9' } });
      for (const provider of Object.values(providers)) provider.timeout_ms = TIMEOUT_MS;
    });
  });
  after(() => spec.close());
  beforeEach(async () => {
    await behaveWell(spec.sandbox.url);
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
    stop = spec.run([...projectorWorkers(spec.infra), ...processorWorkers(spec.infra)]);
  });
  afterEach(() => stop());

  const aurora = (more: object) =>
    spec.editCatalogue(({ providers }) => Object.assign(providers[AURORA]!, more));
  const breaker = (failuresToOpen: number) => ({
    failures_to_open: failuresToOpen,
    successes_to_close: 1,
    open_ms: OPEN_MS,
    half_open_probes: 2,
  });
  const callsOf = async ({ executionId }: Asked, personality: string) =>
    (await callsFor(spec.sandbox.url, executionId)).filter(
      (call) => call.personality === personality,
    );
  const circuitOf = async ({ metrics }: Infra) => {
    const { values } = await metrics.breakerOpen.get();
    return values.find(({ labels }) => labels.provider === AURORA)?.value;
  };
  const chargedOnce = async (asked: Asked) => {
    const { data } = await eventOf(spec.infra, asked, 'ExecutionCompleted');
    expect((await whenHoldEnded(spec.infra, asked)).type).to.equal('HoldSettled');
    const { available, held } = await accountOf(spec.infra, asked.organizationId);
    expect([available, held]).to.deep.equal([FUNDS - data.cost, 0n]);
  };

  describe('from a provider without keys that', () => {
    before(() => aurora({ honours_idempotency_key: false, breaker: breaker(1_000) }));
    const faults = {
      timeout: 'ProviderOutcomeUnknown',
      drip: 'ProviderOutcomeUnknown',
      'headers-never-end': 'ProviderOutcomeUnknown',
      'reset-mid-body': 'ProviderOutcomeUnknown',
      truncated: 'ProviderOutcomeUnknown',
      malformed: 'ProviderFailed',
      'gzip-bomb': 'ProviderFailed',
      'huge-body': 'ProviderFailed',
      'endless-body': 'ProviderFailed',
      redirect: 'ProviderFailed',
    } as const;
    for (const [misbehaviour, end] of Object.entries(faults))
      it(`does this: ${misbehaviour}`, async () => {
        const { infra } = spec;
        await behave(spec.sandbox.url, { aurora: { misbehaviour } });
        const asked = await ask(infra);
        expect(await whenOver(infra, asked)).to.equal('completed');
        const events = await eventsOf(infra, asked);
        expect(events.map(({ type }) => type)).to.deep.equal([
          'ExecutionRequested',
          'ProviderDispatched',
          end,
          'ProviderDispatched',
          'ExecutionCompleted',
        ]);
        const [, dispatched, ended] = events;
        const tookMs = Date.parse(ended!.data.at) - Date.parse(dispatched!.data.at);
        expect(tookMs).to.be.below(TIMEOUT_MS + 4_000);
        expect(await callsOf(asked, 'aurora')).to.have.length(1);
        expect(await callsOf(asked, 'borealis')).to.have.length(1);
        await chargedOnce(asked);
      });
  });

  describe('when a provider dies under load', () => {
    let proxy: TcpProxy;
    before(async () => {
      proxy = await openTcpProxy(spec.sandbox.url);
      await aurora({
        base_url: `${proxy.url.replace(/\/$/, '')}/aurora`,
        honours_idempotency_key: false,
        breaker: breaker(5),
      });
    });
    beforeEach(() => {
      proxy.mode = 'through';
    });
    after(() => proxy.close());

    /** Twenty organizations, one after another; the provider dies in the middle. */
    async function loadWithDeath(): Promise<readonly Asked[]> {
      await behave(spec.sandbox.url, { aurora: { latency: 60 }, borealis: { latency: 5 } });
      const organizations = Array.from({ length: 20 }, newOrganization);
      const asked: Asked[] = [];
      for (let n = 0; n < 160; n += 1) {
        if (n === 80) await eventually('it is called', () => inFlight());
        if (n === 80) proxy.mode = 'away';
        const organizationId = organizations[n % organizations.length]!;
        asked.push(await ask(spec.infra, { organizationId }));
      }
      return asked;
    }
    const inFlight = async () => {
      const { values } = await spec.infra.metrics.bulkheadInUse.get();
      return values.some(({ labels, value }) => labels.provider === AURORA && value > 0);
    };
    const statusesOf = (asked: readonly Asked[]) =>
      Promise.all(asked.map((one) => whenOver(spec.infra, one, 20_000)));
    const backAgain = async () => {
      proxy.mode = 'through';
      await eventually('calls pass again', async () => {
        await whenOver(spec.infra, await ask(spec.infra), 10_000);
        return (await circuitOf(spec.infra)) === 0;
      });
    };

    it('no caller sees an error, and each provider is called once', async () => {
      const { infra } = spec;
      const asked = await loadWithDeath();
      expect(new Set(await statusesOf(asked))).to.deep.equal(new Set(['completed']));
      expect(await circuitOf(infra)).to.equal(1);
      const explained = await eventsOf(infra, asked.at(-1)!);
      const dispatched = explained.find(({ type }) => type === 'ProviderDispatched');
      expect(dispatched?.type === 'ProviderDispatched' && dispatched.data.candidates[0]).to.include(
        {
          provider: AURORA,
          skipped: 'breaker_open',
        },
      );
      for (const one of asked) {
        expect((await callsOf(one, 'aurora')).length).to.be.at.most(1);
        expect((await callsOf(one, 'borealis')).length).to.be.at.most(1);
      }
      await backAgain();
    });

    it('only calls in flight fail, free, where nothing may be lost', async () => {
      const { infra } = spec;
      const lose = (dollars: string) =>
        spec.editCatalogue(({ models }) => (models[TEXT]!.unknown_max_cost = dollars));
      await lose('0');
      const asked = await loadWithDeath();
      const statuses = await statusesOf(asked);
      for (const [n, status] of statuses.entries()) {
        if (status === 'completed') continue;
        const one = asked[n]!;
        const types = (await eventsOf(infra, one)).map(({ type }) => type);
        expect(types.slice(-2)).to.deep.equal(['ProviderOutcomeUnknown', 'ExecutionFailed']);
        expect((await whenHoldEnded(infra, one)).type).to.equal('HoldReleased');
      }
      expect(statuses.filter((status) => status === 'failed').length).to.be.within(1, 80);
      await lose('0.01');
      await backAgain();
    });
  });

  describe('when a provider fails on what one caller asks', () => {
    let server: Server;
    const asked: string[] = [];
    before(async () => {
      server = createServer((request, response) => {
        void text(request).then((body) => {
          asked.push(body);
          const isPoison = body.includes('poison');
          const message = { role: 'assistant', content: 'Good.' };
          const good = { choices: [{ message, finish_reason: 'stop' }], usage: {} };
          response.writeHead(isPoison ? 500 : 200, { 'content-type': 'application/json' });
          response.end(JSON.stringify(isPoison ? { error: { message: 'oops' } } : good));
        });
      });
      server.listen(0, '127.0.0.1');
      await eventually('it listens', () => server.listening);
      const { port } = server.address() as AddressInfo;
      await aurora({ base_url: `http://127.0.0.1:${port}`, breaker: breaker(3) });
      await spec.editCatalogue(({ models }) => {
        models[TEXT]!.routes.splice(1);
        models[TEXT]!.max_wait_seconds = 2;
      });
    });
    after(() => server.close());

    it('others go on at once, and that one fails, free', async () => {
      const { infra } = spec;
      const organizationId: OrganizationId = newOrganization();
      const poison = (n: number) => ask(infra, { organizationId, input: words(`poison ${n}`) });
      const poisoned = await Promise.all(Array.from({ length: 8 }, (_, n) => poison(n)));
      await eventually('it rests for that one', async () => (await circuitOf(infra)) === 1);
      for (let n = 0; n < 4; n += 1) {
        const other = await ask(infra);
        expect(await whenOver(infra, other, 2_000)).to.equal('completed');
      }
      for (const one of poisoned) {
        expect(await whenOver(infra, one, 30_000)).to.equal('failed');
        expect((await whenHoldEnded(infra, one)).type).to.equal('HoldReleased');
      }
      expect(asked.filter((body) => body.includes('poison')).length).to.be.at.most(32);
    });
  });
});
