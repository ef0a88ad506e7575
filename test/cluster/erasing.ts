/** Erasure where events, payloads and files lie in services of their own. */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import {
  newTenant,
  type LedgerEntry,
  type ResultBody,
  type Tenant,
  type TimelineEntry,
} from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import type { System } from '../../testing/system.js';
import { accept, imageOf, textOf, whenOver, whenSettled } from '../testing/executions.js';

const OVER_MS = 60_000;
const REMOVED_MS = 30_000;

/** What two organizations did, of which one execution and one organization are erased. */
export async function eraseSome(system: System): Promise<void> {
  const [staying, leaving] = await Promise.all([newTenant(system), newTenant(system)]);
  // A text that is stored as a large payload, and a picture, which is a file.
  const long = textOf(`${randomUUID()} ${'o'.repeat(70_000)}`);
  const [text, picture, other, last] = await Promise.all([
    done(staying, long),
    done(staying, imageOf('a house')),
    done(staying, textOf('a tree')),
    done(leaving, imageOf('a boat')),
  ]);
  const before = await Promise.all([text, picture, other].map((id) => storyOf(staying, id)));
  const files = [await fileOf(staying, picture), await fileOf(leaving, last)];

  for (const id of [text, picture]) {
    const { status } = await staying.api.call('DELETE', `/executions/${id}/payloads`);
    expect(status).to.equal(200);
    expect((await resultOf(staying, id)).status).to.not.equal(200);
  }
  expect((await resultOf(staying, other)).status).to.equal(200);
  await eventually(
    'the file of the picture is gone',
    async () => (await staying.api.call('GET', `/files/${files[0]}`)).status === 404,
    REMOVED_MS,
  );

  const erase = ['erase', '--organization', leaving.organizationId, '--yes', '--json'];
  const { code, output } = await system.command(...erase);
  expect(code, output).to.equal(0);
  // The command counts what it removed itself; the running system removes beside it.
  expect(JSON.parse(output.slice(output.indexOf('{')))).to.include({ keys: 1 });
  await eventually(
    'its key opens nothing any more',
    async () => (await leaving.api.call('GET', `/files/${files[1]}`)).status === 401,
    REMOVED_MS,
  );
  const again = await system.command(...erase);
  expect(again.code, again.output).to.equal(0);

  const after = await Promise.all([text, picture, other].map((id) => storyOf(staying, id)));
  expect(after.map(({ told }) => told)).to.deep.equal(before.map(({ told }) => told));
  for (const [n, { leaves }] of before.entries())
    expect(after[n]?.leaves).to.include.members(leaves);
  // Log, ledger, proof and payloads agree, and so do read models that are built anew.
  const verified = await system.command('verify', '--deep');
  expect(verified.code, verified.output).to.equal(0);
}

async function done({ api }: Tenant, body: Parameters<typeof accept>[1]): Promise<string> {
  const { id } = await accept(api, body);
  expect((await whenOver(api, id, OVER_MS)).status).to.equal('COMPLETED');
  await whenSettled(api, id);
  return id;
}

const resultOf = ({ api }: Tenant, id: string) =>
  api.call<ResultBody>('GET', `/executions/${id}/result`);

async function fileOf(tenant: Tenant, id: string): Promise<string> {
  const { body } = await resultOf(tenant, id);
  const fileId = body.output.images?.[0]?.file_id;
  if (fileId === undefined) throw new Error(`${id} has no picture`);
  return fileId;
}

/** What was recorded of an execution, and its leaves in the tree. */
async function storyOf({ api }: Tenant, id: string) {
  const [execution, timeline, ledger, receipt] = await Promise.all([
    api.execution(id),
    api.all<TimelineEntry>(`/executions/${id}/events`),
    api.all<LedgerEntry>(`/billing/ledger?execution_id=${id}`),
    eventually(
      `${id} has a receipt`,
      async () => {
        const got = await api.call<Receipt>('GET', `/executions/${id}/receipt`);
        return got.status === 200 && got.body.charge !== null ? got.body : undefined;
      },
      OVER_MS,
    ),
  ]);
  const { status, cost, completed_at: at } = execution.body;
  const { input, output, charge, events } = receipt;
  const told = { status, cost, at, timeline, ledger, input, output, charge };
  return { told, leaves: events.map(({ index, leaf }) => JSON.stringify([index, leaf])) };
}

interface Receipt {
  readonly input: unknown;
  readonly output: unknown;
  readonly charge: string | null;
  readonly events: readonly { readonly index: number; readonly leaf: unknown }[];
}
