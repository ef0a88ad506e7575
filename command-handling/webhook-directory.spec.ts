import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { OrganizationId } from '../contracts/ids.js';
import type { WebhookSettings } from '../domain/webhook-endpoint/webhook-settings.js';
import { createMemoryLog, openMemoryEventStore } from '../infra/event-store/testing/memory.js';
import { StoreUnavailable } from '../infra/event-store/port.js';
import { openRepositories } from './repositories.js';
import { newOrganization, watch } from './testing/kit.js';
import { openWebhookDirectory, STALE_MS } from './webhook-directory.js';

const metadata = { actor: 'spec', correlationId: 'spec', causationId: 'spec' };

describe('webhook directory', () => {
  let memory: ReturnType<typeof createMemoryLog>;
  beforeEach(() => (memory = createMemoryLog()));

  /** A process with a clock of its own. */
  function process() {
    const store = watch(openMemoryEventStore({ memory }));
    const { webhookEndpoints } = openRepositories(store);
    const clock = { ms: 0 };
    const monotonicMs = () => clock.ms;
    const directory = openWebhookDirectory({ store, webhookEndpoints, monotonicMs });
    return { store, clock, directory, webhookEndpoints };
  }

  async function register(by: ReturnType<typeof process>, organizationId: OrganizationId) {
    await by.directory.setUp(organizationId);
    const endpointId = `we_${randomUUID()}` as const;
    const at = '2026-01-01T00:00:00.000Z';
    await by.webhookEndpoints.transact(
      organizationId,
      {
        type: 'Register',
        organizationId,
        endpointId,
        url: 'https://receiver.example',
        events: [],
        isActive: true,
        at,
      },
      metadata,
    );
    return endpointId;
  }

  const idsIn = ({ endpoints }: WebhookSettings) => endpoints.map(({ endpointId }) => endpointId);

  it('answers at once, without a read or a promise, where nothing is set up', async () => {
    const { store, clock, directory } = process();
    await register(process(), newOrganization());
    await directory.settingsOf(newOrganization());
    expect(store.counts.streamReads).to.equal(1);
    for (let n = 0; n < 1_000; n++) {
      const settings = directory.settingsOf(newOrganization());
      expect(settings).not.to.be.instanceOf(Promise);
      expect((settings as WebhookSettings).endpoints).to.deep.equal([]);
    }
    clock.ms = 50;
    void directory.settingsOf(newOrganization());
    expect(store.counts.streamReads).to.equal(1);
  });

  it('knows every endpoint that was registered by the time its look may be so old', async () => {
    const [one, other] = [process(), process()];
    const organizationId = newOrganization();
    await other.directory.settingsOf(organizationId);
    const first = await register(one, organizationId);
    other.clock.ms = STALE_MS + 1;
    expect(idsIn(await other.directory.settingsOf(organizationId))).to.deep.equal([first]);
    const second = await register(one, organizationId);
    expect(idsIn(await other.directory.settingsOf(organizationId))).to.deep.equal([first, second]);
  });

  it('makes the first registration wait until nobody can miss it, and no later one', async () => {
    const by = process();
    const organizationId = newOrganization();
    const beganAtMs = performance.now();
    await register(by, organizationId);
    expect(performance.now() - beganAtMs).to.be.greaterThan(STALE_MS - 5);
    by.clock.ms = STALE_MS + 1;
    const againAtMs = performance.now();
    await register(by, organizationId);
    expect(performance.now() - againAtMs).to.be.lessThan(STALE_MS - 50);
  });

  it('is written once for organizations that race in two processes', async () => {
    const [one, other] = [process(), process()];
    const ids = Array.from({ length: 150 }, newOrganization);
    await Promise.all(ids.flatMap((id) => [one.directory.setUp(id), other.directory.setUp(id)]));
    const events = await one.store.readStream('webhookDirectory-all');
    const listed = events.map(({ data }) => (data as { organizationId: string }).organizationId);
    expect(listed.sort()).to.deep.equal(ids.sort());
  });

  it('looks once for many who ask at the same time', async () => {
    const { store, directory } = process();
    const ask = async () => directory.settingsOf(newOrganization());
    await Promise.all(Array.from({ length: 50 }, ask));
    expect(store.counts.streamReads).to.equal(1);
  });

  it('fails while the log is away, rather than miss an endpoint', async () => {
    const { store, directory, clock } = process();
    await directory.settingsOf(newOrganization());
    store.readStream = () => Promise.reject(new StoreUnavailable('away'));
    clock.ms = STALE_MS + 1;
    const asked = await Promise.resolve(directory.settingsOf(newOrganization())).catch(
      (error: unknown) => error,
    );
    expect(asked).to.be.instanceOf(StoreUnavailable);
  });
});
