/**
 * R10: signed deliveries, each an attempt that is recorded in the log and the read models, against
 * bare POSTs of the same body over kept connections to the same receiver. One organization has as
 * many endpoints as it may, and few executions, so that their cost is spread over many deliveries.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import type { ReceivedSoFar } from '../baselines/webhook-receiver.js';
import { audit } from '../audit.js';
import type { Bench, Cell, Side } from '../cell.js';
import { startPart } from '../children.js';
import type { Databases } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import { closedLoop } from '../load.js';
import { createTenants, startModelRoute, WORKING_ROLES, type Tenant } from '../modelroute.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf } from '../submissions.js';
import { turnSeconds } from './accepts.js';
import { startSandboxPart } from './sandbox.js';

const ENDPOINTS = 50;
/** Deliveries that are due and not received: enough to keep every connection busy. */
const AHEAD = 40 * ENDPOINTS;
const LOOK_MS = 20;
const DRAIN_MS = 60_000;

interface Receiver {
  readonly url: string;
  readonly pid: number;
  readonly look: () => Promise<ReceivedSoFar>;
}

export const deliveries: Cell = {
  ids: ['R10'],
  title: 'Webhook deliveries',
  open: (bench) =>
    withDefer(async (defer) => {
      const { databases } = bench;
      const sandboxUrl = await startSandboxPart(bench, defer);
      const databaseUrl = await databases.fresh('deliveries');
      defer(() => databases.drop(databaseUrl));
      const receiver = await startReceiver(defer);
      const a = await deliveriesSide(bench, { databaseUrl, sandboxUrl, receiver }, defer);
      const b = postsSide(bench, receiver);
      const name = 'signed deliveries ÷ bare POSTs of the same body';
      const rate = { a, b, metric: 'perSecond', unit: '/s', target: 0.6, here: 0.2 };
      return {
        comparisons: [{ id: 'R10', name, ...rate }],
        check: () => audit({ databases, databaseUrl, settled: true, sandboxUrl }),
      };
    }),
};

export async function startReceiver(defer: Defer): Promise<Receiver> {
  const part = await startPart<string, object, ReceivedSoFar>('baselines/webhook-receiver.js', {});
  defer(() => part.stop());
  return { url: part.ready, pid: part.pid, look: () => part.ask({}) };
}

interface Place {
  readonly databaseUrl: string;
  readonly sandboxUrl: string;
  readonly receiver: Receiver;
  readonly nodeArgs?: readonly string[];
}

async function deliveriesSide(bench: Bench, place: Place, defer: Defer): Promise<Side> {
  const running = await startDeliveries(bench.databases, place, defer);
  return {
    name: 'deliveries/s',
    async measure(warmUp) {
      const { count, seconds } = await running.run(turnSeconds(bench, warmUp));
      return { perSecond: count / seconds };
    },
  };
}

export interface Deliveries {
  readonly pid: number;
  /** Keeps deliveries due for so long, and waits until all are received. */
  run(forSeconds: number): Promise<DeliveriesRun>;
  stop(): Promise<void>;
}

interface DeliveriesRun {
  /** Received within the time, which was a little more than asked for. */
  readonly count: number;
  readonly seconds: number;
  /** All of them. */
  readonly due: number;
}

/** All roles but the sandbox, with as many endpoints of one organization as it may have. */
export async function startDeliveries(
  databases: Databases,
  { receiver, ...place }: Place,
  defer: Defer,
): Promise<Deliveries> {
  const env = { MODELROUTE_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8' };
  const system = await startModelRoute({ databases, ...place, roles: WORKING_ROLES, env });
  defer(() => system.stop());
  const tenants = await createTenants(system, 1);
  const client = new Client(system.url);
  defer(() => client.close());
  for (const tenant of tenants) await register(client, tenant, receiver.url);
  const { fresh } = submissionsOf(tenants, 'r10');
  let due = 0;
  let before = 0;
  const submit = async () => {
    const { path, method, headers, body = '' } = fresh();
    const answer = await client.request({ path, method, headers, body });
    await answer.body.dump();
    if (answer.statusCode !== 202) throw new Error(`POST ${path}: ${answer.statusCode}`);
    due += ENDPOINTS;
  };
  const received = async () => (await receiver.look()).received - before;
  return {
    pid: system.pid,
    stop: () => system.stop(),
    async run(forSeconds) {
      // What the other side sent in its turn is none of ours.
      before = (await receiver.look()).received - due;
      const dueBefore = due;
      const began = performance.now();
      const counted = await received();
      let now = counted;
      while (performance.now() < began + forSeconds * 1000) {
        while (due - now < AHEAD) await submit();
        await sleep(LOOK_MS);
        now = await received();
      }
      const seconds = (performance.now() - began) / 1000;
      const deadline = performance.now() + DRAIN_MS;
      while ((await received()) < due && performance.now() < deadline) await sleep(LOOK_MS);
      return { count: now - counted, seconds, due: due - dueBefore };
    },
  };
}

async function register(client: Client, { apiKey }: Tenant, url: string): Promise<void> {
  for (let n = 0; n < ENDPOINTS; n++) {
    const answer = await client.request({
      method: 'POST',
      path: '/v1/webhooks/endpoints',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: `${url}/hook/${n}`, events: ['execution.completed'] }),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 201) throw new Error(`an endpoint was not created: ${text}`);
  }
}

function postsSide(bench: Bench, { url, look }: Receiver): Side {
  return {
    name: 'bare POSTs/s',
    async measure(warmUp) {
      const { body } = await look();
      const headers = { 'content-type': 'application/json' };
      const { perSecond } = await closedLoop({
        url,
        clients: CLIENTS,
        seconds: turnSeconds(bench, warmUp),
        next: () => ({ method: 'POST', path: '/hook', headers, body }),
        accept: (status) => status === 204,
      });
      return { perSecond };
    },
  };
}
