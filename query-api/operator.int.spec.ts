/** What operators read: tenants, projections, and what stands behind an execution. */
import { expect } from 'chai';
import { streamOf } from '../contracts/streams.js';
import { projections } from '../projectors/projections.js';
import { at, deposited, ORGANIZATION, storyOf } from '../projectors/spec-kit.js';
import { openQueryServer, type QueryServer } from './spec-kit.js';

interface Projection {
  readonly name: string;
  readonly state: string;
  readonly position: string;
  readonly head: string;
  readonly lag: string;
  readonly rebuild: { readonly requested: boolean };
  readonly checksum?: { readonly rows: string; readonly checksum: string };
}

describe('query API: the operator', () => {
  let server: QueryServer;
  before(async () => {
    server = await openQueryServer();
    await server.tenant(ORGANIZATION);
    await server.models.append({
      stream: streamOf('organization', ORGANIZATION),
      type: 'OrganizationCreated',
      data: { organizationId: ORGANIZATION, name: 'Acme', at: at(0) },
    });
    await server.models.append(deposited(1), storyOf().held(2));
    server.startProjecting();
  });
  after(() => server?.close());

  it('sees every tenant with what stands on its account', async () => {
    const { status, body } = await server.operator('GET', '/organizations');
    expect(status).to.equal(200);
    expect(body).to.deep.equal({
      data: [
        {
          ...{ id: ORGANIZATION, name: 'Acme', created_at: at(0) },
          ...{ available: '0.990', held: '0.010', api_keys: 1 },
        },
      ],
      next_cursor: null,
    });
  });

  it('sees how the projections are, and asks for a rebuild', async () => {
    await server.operator('GET', '/organizations'); // waits for the projections
    const read = async (query = '') =>
      (await server.operator<{ data: Projection[] }>('GET', `/projections${query}`)).body.data;
    const states = await read();
    expect(states.map(({ name, state, lag }) => [name, state, lag])).to.deep.equal(
      [...projections.map(({ name }) => name)].sort().map((name) => [name, 'running', '0']),
    );
    const holds = (await read('?checksum=true')).find(({ name }) => name === 'holds');
    expect(holds?.checksum?.rows).to.equal('1');
    expect((await server.operator('POST', '/projections/none/rebuild')).status).to.equal(404);
    const asked = await server.operator('POST', '/projections/holds/rebuild');
    expect([asked.status, asked.body]).to.deep.equal([
      ...[202, { name: 'holds', rebuild_requested: true }],
    ]);
    const requested = (await read()).filter(({ rebuild }) => rebuild.requested);
    expect(requested.map(({ name }) => name)).to.deep.equal(['holds']);
  });

  it("sees an execution's attempts with their providers", async () => {
    const story = storyOf();
    await server.models.append(story.requested(0), story.dispatched(1), story.failedOnce(2));
    await server.models.append(story.dispatched(3, 2), story.unknown(4), story.failed(5));
    const { status, body } = await server.operator('GET', `/executions/${story.executionId}`);
    expect(status).to.equal(200);
    const shown = body as unknown as {
      execution: { status: string };
      attempts: Record<string, unknown>[];
      events: { type: string }[];
    };
    expect(shown.execution.status).to.equal('FAILED');
    const first = shown.attempts[0];
    expect(first).to.include({
      ...{ attempt: 1, provider: 'aurora', route: 'text/aurora', outcome: 'unknown' },
      ...{ dispatched_at: at(1), ended_at: at(4), code: 'MODEL_OVERLOADED' },
    });
    expect(shown.events.map(({ type }) => type)).to.deep.equal([
      ...['ExecutionRequested', 'ProviderDispatched', 'ProviderFailed', 'ProviderDispatched'],
      ...['ProviderOutcomeUnknown', 'ExecutionFailed'],
    ]);
    const made = 'exec_00000000-0000-4000-8000-000000000000';
    expect((await server.operator('GET', `/executions/${made}`)).status).to.equal(404);
  });
});
