/** Executions for the specs of processors: asked for as the command API does, seen in the log. */
import { createHash, randomUUID } from 'node:crypto';
import { submit } from '../../command-api/executions/submit.js';
import type { AnyEvent } from '../../contracts/events/all.js';
import type {
  ExecutionEvent,
  ExecutionRequested,
  Usage,
} from '../../contracts/events/execution.js';
import {
  executionIdOf,
  type ExecutionId,
  type HoldId,
  type OrganizationId,
} from '../../contracts/ids.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import type * as Execution from '../../domain/execution/execution.js';
import { estimateFor, holdFor } from '../../domain/pricing/pricing.js';
import { storePayload } from '../../command-handling/store-payload.js';
import { readEvents } from '../../command-handling/streams.js';
import { retryOnOutage } from '../../infra/event-store/outage.js';
import type { Infra } from '../../runtime/infra.js';
import { parseCidrs } from '../../http/client/addresses.js';
import { eventually } from '../../testing/eventually.js';

export const TEXT = 'text-generation-standard';
export const IMAGE = 'flux-1.1-pro';

export interface Wish {
  readonly model?: string;
  readonly input?: Readonly<Record<string, unknown>>;
  readonly organizationId?: OrganizationId;
  readonly expiresInMs?: number;
  readonly webhookUrl?: string;
  readonly webhookEvents?: readonly string[];
  readonly fallbackModels?: readonly string[];
  readonly estimatedUsage?: Usage;
}

export interface Asked {
  readonly executionId: ExecutionId;
  readonly organizationId: OrganizationId;
  readonly holdId: HoldId;
  readonly stream: StreamName;
  readonly holdAmount: bigint;
}

export const FUNDS = 100_000_000n;

export const newOrganization = (): OrganizationId => `org_${randomUUID()}`;

/** So much money; further calls are repetitions. */
export async function fund(infra: Infra, organizationId: OrganizationId): Promise<void> {
  const at = new Date(infra.now()).toISOString();
  const command = { type: 'Deposit', organizationId, topUpId: 'first', amount: FUNDS, at } as const;
  const metadata = { actor: 'operator', correlationId: organizationId, causationId: 'spec' };
  await patiently(() => infra.accounts.submit(organizationId, { command, metadata }));
}

/** As a client comes again where it is asked to: a slow machine refuses for want of time. */
const patiently = <T>(work: () => Promise<T>): Promise<T> =>
  retryOnOutage(work, new AbortController().signal, 20_000);

export const words = (prompt: string) => ({ prompt, max_tokens: 64 });
export const smallImage = (prompt: string) => ({ prompt, width: 256, height: 256 });

/** What is requested, before there is a hold. */
export function requestFor(infra: Infra, wish: Wish) {
  const { model: slug = TEXT, input = words('Tell me of the sea.') } = wish;
  const { organizationId = newOrganization(), expiresInMs = 300_000 } = wish;
  const { models, version } = infra.catalogue.current();
  const model = models.get(slug);
  if (!model) throw new Error(`there is no model ${slug}`);
  const idempotencyKey = randomUUID();
  const executionId = executionIdOf(organizationId, idempotencyKey);
  const { estimated } = estimateFor(model, input);
  const inputBytes = Buffer.from(JSON.stringify(input));
  const sha256 = createHash('sha256').update(inputBytes).digest('hex');
  const nowMs = infra.now();
  const request: Omit<ExecutionRequested['data'], 'holdId'> = {
    executionId,
    organizationId,
    idempotencyKey,
    model: slug,
    modality: model.modality,
    apiKeyId: `key_${randomUUID()}`,
    bodyHash: sha256,
    metadata: { spec: 'yes' },
    input: { ref: `${executionId}/input`, sha256, bytes: inputBytes.length },
    estimatedCost: estimated,
    holdAmount: holdFor(estimated),
    catalogueVersion: version,
    ...(wish.estimatedUsage && { estimatedUsage: wish.estimatedUsage }),
    ...(wish.fallbackModels && { fallbackModels: wish.fallbackModels }),
    ...(wish.webhookUrl && { webhookUrl: wish.webhookUrl }),
    ...(wish.webhookEvents && { webhookEvents: wish.webhookEvents }),
    at: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + expiresInMs).toISOString(),
  };
  return { request, inputBytes };
}

export async function ask(infra: Infra, wish: Wish = {}): Promise<Asked> {
  const submission = requestFor(infra, wish);
  const { executionId, organizationId, holdAmount } = submission.request;
  await fund(infra, organizationId);
  const networks = parseCidrs(infra.config.allowedNetworks);
  if (!networks.ok) throw new Error(networks.reason);
  const metadata = { actor: 'key', correlationId: executionId, causationId: 'spec' };
  const commands = { ...infra, allowedNetworks: networks.networks };
  const submitted = await patiently(() => submit(commands, { ...submission, metadata }, 0));
  if (submitted.outcome === 'rejected') throw new Error(submitted.reason);
  const { holdId } = submitted.requested;
  const stream = streamOf('execution', executionId);
  return { executionId, organizationId, holdId, stream, holdAmount };
}

export const cancel = (infra: Infra, { executionId }: Asked) =>
  decideOn(infra, executionId, { type: 'Cancel', at: new Date(infra.now()).toISOString() });

/** What a process would have recorded before it died. */
export async function decideOn(
  { executions }: Infra,
  executionId: ExecutionId,
  command: Execution.Command,
): Promise<void> {
  const metadata = { actor: 'spec', correlationId: executionId, causationId: 'spec' };
  const result = await executions.transact(executionId, command, metadata);
  if (result.outcome !== 'accepted')
    throw new Error(`${command.type} was not accepted: ${JSON.stringify(result.outcome)}`);
}

/** As if a process had claimed the first attempt and died with it. */
export async function claimFor(
  infra: Infra,
  { executionId }: Asked,
  slug: string,
  deadlineInMs: number,
): Promise<string> {
  const models = [...infra.catalogue.current().models.values()];
  const route = models.flatMap(({ routes }) => routes).find(({ provider }) => provider === slug);
  const dispatchKey = `${executionId}.1`;
  const nowMs = infra.now();
  await decideOn(infra, executionId, {
    type: 'Dispatch',
    provider: slug,
    route: route?.name ?? slug,
    dispatchKey,
    candidates: [],
    deadline: new Date(nowMs + deadlineInMs).toISOString(),
    at: new Date(nowMs).toISOString(),
  });
  return dispatchKey;
}

/** As if a provider of pictures had delivered this; everything after it is still to be done. */
export async function deliverTo(
  infra: Infra,
  organizationId: OrganizationId,
  output: object,
): Promise<Asked> {
  const asked = await ask(infra, { organizationId, model: IMAGE, input: smallImage('Boats') });
  await claimFor(infra, asked, 'aurora-images', 60_000);
  const { executionId } = asked;
  const stored = await storePayload(infra, `${executionId}/raw/1`, organizationId, output);
  if (stored.inline) await infra.payloads.put(stored.inline);
  const prices = { cost: 40_000n, providerCost: 30_000n };
  const success = { output: stored.ref, usage: { images: 1 }, ...prices };
  const at = new Date(infra.now()).toISOString();
  await decideOn(infra, executionId, { type: 'RecordSuccess', attempt: 1, success, at });
  return asked;
}

type Recorded<E extends AnyEvent> = E & { readonly revision: number };

export const eventsOf = ({ store }: Infra, { stream }: Asked) =>
  patiently(() => readEvents<ExecutionEvent>(store, stream));

export const typesOf = async (infra: Infra, asked: Asked): Promise<readonly string[]> =>
  (await eventsOf(infra, asked)).map(({ type }) => type);

export async function eventOf<T extends ExecutionEvent['type']>(
  infra: Infra,
  asked: Asked,
  type: T,
): Promise<Recorded<Extract<ExecutionEvent, { type: T }>>> {
  const found = (await eventsOf(infra, asked)).find((event) => event.type === type);
  if (!found) throw new Error(`${asked.executionId} has no ${type}`);
  return found as Recorded<Extract<ExecutionEvent, { type: T }>>;
}

const OVER = ['completed', 'failed', 'cancelled', 'expired'];

export const whenOver = (infra: Infra, { executionId }: Asked, deadlineMs = 20_000) =>
  eventually(
    `${executionId} is over`,
    async () => {
      const { state } = await patiently(() => infra.executions.load(executionId));
      return OVER.includes(state.status) && state.status;
    },
    deadlineMs,
  );

export const whenTypes = (infra: Infra, asked: Asked, last: string, deadlineMs = 20_000) =>
  eventually(
    `${asked.executionId} reaches ${last}`,
    async () => (await typesOf(infra, asked)).includes(last),
    deadlineMs,
  );

export const accountOf = async ({ store }: Infra, organizationId: OrganizationId) => {
  const stream = streamOf('account', organizationId);
  const events = await patiently(() => readEvents<Account.Event>(store, stream));
  const state = events.reduce(Account.evolve, Account.initial());
  return { events, available: state.available, held: state.held };
};

/** The end of its hold: `HoldSettled` or `HoldReleased`, once. */
export const whenHoldEnded = (
  infra: Infra,
  { organizationId, holdId }: Pick<Asked, 'organizationId' | 'holdId'>,
  deadlineMs = 20_000,
) =>
  eventually(
    `${holdId} has ended`,
    async () => {
      const { events } = await accountOf(infra, organizationId);
      const ends = events.filter(
        ({ type, data }) =>
          (type === 'HoldSettled' || type === 'HoldReleased') && data.holdId === holdId,
      );
      if (ends.length > 1) throw new Error(`${holdId} has ended ${ends.length} times`);
      return ends[0];
    },
    deadlineMs,
  );
