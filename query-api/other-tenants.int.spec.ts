/**
 * Another organization's id costs what a made-up one does: the same reads of the log and the same
 * queries, on every route that takes one, whatever has become of the thing. So the time of an
 * answer does not tell them apart; `make timings` measures it over a whole system.
 */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { BatchId, DeliveryId, ExecutionId, FileId, OrganizationId } from '../contracts/ids.js';
import { streamOf } from '../contracts/streams.js';
import { openRepositories } from '../command-handling/repositories.js';
import { openWebhookDirectory } from '../command-handling/webhook-directory.js';
import { at, ORGANIZATION, storyOf, type Fact } from '../projectors/testing/kit.js';
import type { Client, Json } from '../testing/client.js';
import { idKindOf } from '../testing/id-kinds.js';
import { openQueryServer, type QueryServer } from './testing/kit.js';

const OTHER: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';

describe("query API: another organization's id", function () {
  this.timeout(60_000);
  let server: QueryServer;
  let stranger: Client;
  before(async () => {
    server = await openQueryServer();
    stranger = await server.tenant(OTHER);
    const { store } = server.models;
    const directory = openWebhookDirectory({
      store,
      ...openRepositories(store),
    });
    for (const id of [ORGANIZATION, OTHER]) await directory.setUp(id);
  });
  after(() => server?.close());

  /** What an answer costs; the key of the request is known by then. */
  const workFor = async (path: string, id: string) => {
    const before = server.work.length;
    const { status } = await stranger.call('GET', path.replace('{id}', id));
    expect(status, `${path} with ${id}`).to.equal(404);
    return server.work.slice(before);
  };
  const expectAlike = async (kind: string, things: Readonly<Record<string, string>>) => {
    for (const path of pathsOf(server, kind)) {
      await workFor(path, `${kind}_${randomUUID()}`);
      const madeUp = await workFor(path, `${kind}_${randomUUID()}`);
      for (const [name, id] of Object.entries(things))
        expect(await workFor(path, id), `${path} of one ${name}`).to.deep.equal(madeUp);
    }
  };

  const execution = async (...last: ('dispatched' | 'completed' | 'failed')[]) => {
    const story = storyOf();
    await server.models.append(story.requested(0), ...last.map((fact) => story[fact](2)));
    return story.executionId;
  };

  it('is asked for on routes of which each is tried', () => {
    const kinds = new Set(takers(server).map(idKindOf));
    expect([...kinds].sort()).to.deep.equal(['batch', 'dlv', 'exec', 'file', 'key', 'we']);
  });

  it('costs the same while the read models lack what it names', async () => {
    const erased = await execution('completed');
    await server.models.append(erasureOf(erased));
    await expectAlike('exec', {
      accepted: await execution(),
      running: await execution('dispatched'),
      over: await execution('dispatched', 'completed'),
      erased,
    });
    await expectAlike('file', {
      stored: await file(server),
      deleted: await file(server, true),
    });
    await expectAlike('batch', {
      small: await batch(server, 1),
      large: await batch(server, 1_000),
    });
  });

  it('costs the same once they have it', async () => {
    const erased = await execution('completed');
    await server.models.append(erasureOf(erased));
    const things = {
      accepted: await execution(),
      running: await execution('dispatched'),
      'that failed': await execution('dispatched', 'failed'),
      over: await execution('dispatched', 'completed'),
      erased,
    };
    const files = {
      stored: await file(server),
      deleted: await file(server, true),
    };
    const batches = { small: await batch(server, 1) };
    const [endpoint, delivery] = await webhook(server);
    server.startProjecting();
    await stranger.all('/executions');
    await stranger.all('/webhooks/deliveries');
    await expectAlike('exec', things);
    await expectAlike('file', files);
    await expectAlike('batch', batches);
    await expectAlike('dlv', { sent: delivery });
    await expectAlike('we', { active: endpoint });
    const owner = await server.tenant(ORGANIZATION);
    const keys = await owner.call<{ data: Json[] }>('GET', '/api-keys');
    await expectAlike('key', { active: String(keys.body.data[0]?.['id']) });
  });
});

const takers = ({ routes }: QueryServer): string[] =>
  routes
    .filter(({ audience, path }) => audience === 'tenant' && path.includes('{id}'))
    .map(({ path }) => path);

const pathsOf = (server: QueryServer, kind: string): string[] =>
  takers(server).filter((path) => idKindOf(path) === kind);

const erasureOf = (executionId: ExecutionId): Fact => ({
  stream: streamOf('erasure', executionId),
  type: 'PayloadsErased',
  data: {
    executionId,
    organizationId: ORGANIZATION,
    cause: 'asked',
    payloads: [],
    bytes: 0,
    files: [],
    at: at(3),
  },
});

async function file(server: QueryServer, isDeleted = false): Promise<FileId> {
  const { models } = server;
  const fileId: FileId = `file_${randomUUID()}`;
  const kept = await server.keepFile(fileId, Buffer.from('bytes'));
  const of = { fileId, organizationId: ORGANIZATION };
  const executionId: ExecutionId = `exec_${randomUUID()}`;
  const about = {
    purpose: 'OUTPUT',
    contentType: 'image/png',
    format: 'png',
  } as const;
  const stream = streamOf('file', fileId);
  const data = { ...of, executionId, ...about, ...kept, at: at(0) };
  await models.append({ stream, type: 'FileStored', data });
  if (isDeleted)
    await models.append({
      stream,
      type: 'FileDeleted',
      data: { ...of, sizeBytes: 5, at: at(1) },
    });
  return fileId;
}

async function batch({ models }: QueryServer, size: number): Promise<BatchId> {
  const batchId: BatchId = `batch_${randomUUID()}`;
  const executionIds = Array.from({ length: size }, (): ExecutionId => `exec_${randomUUID()}`);
  await models.append({
    stream: streamOf('batch', batchId),
    type: 'BatchSubmitted',
    data: {
      batchId,
      organizationId: ORGANIZATION,
      apiKeyId: 'key_22222222-2222-4222-8222-222222222222',
      executionIds,
      rejected: 0,
      itemsHash: 'ab'.repeat(32),
      at: at(0),
    },
  });
  return batchId;
}

async function webhook({ models }: QueryServer): Promise<[endpoint: string, delivery: DeliveryId]> {
  const endpointId = `we_${randomUUID()}` as const;
  const deliveryId: DeliveryId = `dlv_${randomUUID()}`;
  const organizationId = ORGANIZATION;
  const url = 'https://receiver.example/hook';
  await models.append(
    {
      stream: streamOf('webhookEndpoint', organizationId),
      type: 'WebhookEndpointRegistered',
      data: {
        organizationId,
        endpointId,
        url,
        events: [],
        isActive: true,
        at: at(0),
      },
    },
    {
      stream: streamOf('delivery', deliveryId),
      type: 'DeliveryScheduled',
      data: {
        deliveryId,
        organizationId,
        endpointId,
        eventId: `evt_${randomUUID()}`,
        eventType: 'webhook.test',
        source: 'webhookTest-evt_1',
        revision: 0,
        url,
        at: at(1),
      },
    },
  );
  return [endpointId, deliveryId];
}
