/** Logs for the auditor's specs: a story told event by event, right unless a spec wants it not. */
import { hash, randomUUID } from 'node:crypto';
import type { PriceEntry, PriceTierEntry } from '../../contracts/catalogue/price-units.js';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { ReleaseReason } from '../../contracts/events/account.js';
import type { NewEvent, RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionEvent, PayloadRef } from '../../contracts/events/execution.js';
import {
  deliveryIdOf,
  movementIdOf,
  publicEventIdOf,
  type DeliveryId,
  type ExecutionId,
  type HoldId,
  type OrganizationId,
} from '../../contracts/ids.js';
import type { StreamName } from '../../contracts/streams.js';

export type Recorded = RecordedEvent<AnyEvent>;

export const START_MS = Date.UTC(2026, 0, 1);

export const PAYLOAD = Buffer.from('{"prompt":"A lighthouse"}');
export const URL_TOLD = 'https://receiver.example/hook';

const payloadRef = (ref: string): PayloadRef => ({
  ref,
  sha256: hash('sha256', PAYLOAD, 'hex'),
  bytes: PAYLOAD.length,
});

/** Whatever a spec wants to be otherwise in the event's data. */
type Other = Readonly<Record<string, unknown>>;

export type Story = ReturnType<typeof openStory>;

/** A second passes with every event. */
export function openStory() {
  const telling = openTelling();
  const { revisions, ...shown } = telling;
  return {
    ...shown,
    execution: (): ExecutionId => `exec_${randomUUID()}`,
    ...movementsIn(telling),
    ...executionsIn(telling),
    ...deliveriesIn(telling, revisions),
  };
}

type Telling = ReturnType<typeof openTelling>;

function openTelling() {
  const organizationId: OrganizationId = `org_${randomUUID()}`;
  const account: StreamName = `account-${organizationId}`;
  const events: Recorded[] = [];
  const revisions = new Map<StreamName, number>();
  const time = (seconds: number) => new Date(START_MS + seconds * 1_000).toISOString();

  function tell(stream: StreamName, type: AnyEvent['type'], data: Other): void {
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    const at = time(events.length);
    const metadata = {
      $correlationId: stream,
      $causationId: 'spec',
      actor: 'spec',
      schemaVersion: 1,
      time: at,
    };
    const event = { id: randomUUID(), stream, revision, position: BigInt(events.length), type };
    events.push({ ...event, data: { at, ...data }, metadata } as unknown as Recorded);
  }
  return { organizationId, account, events, revisions, time, tell };
}

function movementsIn({ organizationId, account, tell }: Telling) {
  let [available, held] = [0n, 0n];
  const move = (type: AnyEvent['type'], toAvailable: bigint, toHeld: bigint, data: Other) => {
    [available, held] = [available + toAvailable, held + toHeld];
    const standing = { organizationId, availableAfter: available, heldAfter: held };
    tell(account, type, { ...standing, ...data });
  };
  return {
    deposit: (amount: bigint, other: Other = {}) =>
      move('FundsDeposited', amount, 0n, { topUpId: randomUUID(), amount, ...other }),
    record: (kind: 'topUp' | 'adjustment', key: string, amount: bigint) =>
      tell(`movement-${movementIdOf(organizationId, kind, key)}`, 'MovementRecorded', {
        organizationId,
        kind,
        key,
        amount,
      }),
    place(executionId: ExecutionId, amount: bigint, other: Other = {}): HoldId {
      const holdId: HoldId = `hold_${randomUUID()}`;
      const data = { executionId, generation: 0, holdId, amount, ...other };
      move('HoldPlaced', -amount, amount, data);
      return holdId;
    },
    guard: (limits: Other) => move('SpendingGuardSet', 0n, 0n, { setBy: 'operator', ...limits }),
    alert: (threshold: bigint) => move('BalanceAlertSet', 0n, 0n, { threshold }),
    ranLow: (threshold: bigint) => move('BalanceRanLow', 0n, 0n, { threshold }),
    settle(executionId: ExecutionId, holdId: HoldId, amounts: readonly bigint[]) {
      const [charged = 0n, returned = 0n, overrun = 0n] = amounts;
      const data = { executionId, holdId, charged, returned, overrun };
      move('HoldSettled', returned, -charged - returned, data);
    },
    release: (executionId: ExecutionId, holdId: HoldId, amount: bigint, reason: ReleaseReason) =>
      move('HoldReleased', amount, -amount, { executionId, holdId, amount, reason }),
  };
}

type Prices = Readonly<Record<string, PriceEntry>>;

const publishedRoutes = (prices: Prices, priceTiers?: readonly PriceTierEntry[]) =>
  Object.entries(prices).map(([name, price]) => ({
    name,
    provider: 'aurora',
    providerModel: 'x',
    price,
    cost: {},
    ...(priceTiers && { priceTiers }),
  }));

function executionsIn({ organizationId, events, time, tell }: Telling) {
  const on = (id: ExecutionId, type: ExecutionEvent['type'], data: Other) =>
    tell(`execution-${id}`, type, { executionId: id, organizationId, ...data });
  return {
    publish: (version: string, slug: string, prices: Prices, tiers?: readonly PriceTierEntry[]) =>
      tell(`catalogue-${version}`, 'PricesPublished', {
        version,
        models: [
          { slug, modality: 'text', usageDefault: {}, routes: publishedRoutes(prices, tiers) },
        ],
      }),
    request: (id: ExecutionId, holdId: HoldId, holdAmount: bigint, other: Other = {}) =>
      on(id, 'ExecutionRequested', {
        apiKeyId: `key_${randomUUID()}`,
        idempotencyKey: id,
        bodyHash: 'h',
        metadata: {},
        model: 'text-generation-standard',
        modality: 'text',
        holdId,
        holdAmount,
        estimatedCost: holdAmount,
        input: payloadRef(`${id}/input`),
        expiresAt: time(events.length + 300),
        catalogueVersion: '1',
        ...other,
      }),
    dispatch: (id: ExecutionId, attempt: number, other: Other = {}) =>
      on(id, 'ProviderDispatched', {
        attempt,
        provider: 'aurora',
        route: 'aurora-text',
        candidates: [],
        dispatchKey: `${id}.${attempt}`,
        deadline: time(events.length + 30),
        ...other,
      }),
    /** `attempt` is in `other` of those events that have one. */
    on: (id: ExecutionId, type: ExecutionEvent['type'], other: Other = {}) =>
      on(id, type, { ...onRoute(type), ...other }),
    complete: (id: ExecutionId, holdId: HoldId, cost: bigint, other: Other = {}) =>
      on(id, 'ExecutionCompleted', {
        attempt: 1,
        holdId,
        output: payloadRef(`${id}/output`),
        files: [],
        summary: {},
        usage: {},
        cost,
        providerCost: 0n,
        latencyMs: 10,
        ...other,
      }),
  };
}

function deliveriesIn(
  { organizationId, tell }: Telling,
  revisions: ReadonlyMap<StreamName, number>,
) {
  return {
    /** The event told is the newest one of the execution. */
    schedule(executionId: ExecutionId, eventType: string, sequence: number, other: Other = {}) {
      const { endpointId: target = URL_TOLD } = other as { endpointId?: string };
      const deliveryId: DeliveryId = deliveryIdOf(executionId, eventType, target);
      const eventId = publicEventIdOf(executionId, sequence);
      const revision = revisions.get(`execution-${executionId}`);
      tell(`delivery-${deliveryId}`, 'DeliveryScheduled', {
        deliveryId,
        organizationId,
        executionId,
        eventId,
        eventType,
        sequence,
        revision,
        url: URL_TOLD,
        ...other,
      });
      return deliveryId;
    },
    deliver(id: DeliveryId, executionId: ExecutionId, type: AnyEvent['type'], other: Other) {
      const data = { deliveryId: id, organizationId, executionId, latencyMs: 5, ...other };
      tell(`delivery-${id}`, type, data);
    },
  };
}

const onRoute = (type: ExecutionEvent['type']): Other => {
  if (type === 'ProviderAccepted') return { providerJobId: 'job' };
  if (!type.startsWith('Provider')) return {};
  const where = { provider: 'aurora', route: 'aurora-text' };
  if (type === 'ProviderFailed')
    return { ...where, code: 'MODEL_OVERLOADED', retryable: true, detail: '429' };
  if (type === 'ProviderOutcomeUnknown') return { ...where, reason: 'no answer' };
  return { ...where, output: payloadRef('raw'), usage: {}, providerCost: 0n };
};

/** Every way an execution can go, each to its end: nothing in it is wrong. */
export function tellEverything(story: Story): void {
  story.deposit(1_000_000n);
  tellTold(story);
  tellFailedOver(story);
  tellDelivered(story);
  for (const [type, reason] of [
    ['ExecutionCancelled', 'cancelled'],
    ['ExecutionExpired', 'expired'],
  ] as const) {
    const id = story.execution();
    const holdId = story.place(id, 10_000n);
    story.request(id, holdId, 10_000n);
    story.on(id, type, { holdId });
    story.release(id, holdId, 10_000n, reason);
  }
  tellAbandoned(story);
}

/** Completed for a third of its hold; its webhook is told of the start, and of the end at last. */
export function tellTold(story: Story): ExecutionId {
  const id = story.execution();
  const holdId = story.place(id, 30_000n);
  story.request(id, holdId, 30_000n, { webhookUrl: URL_TOLD });
  story.dispatch(id, 1);
  const started = story.schedule(id, 'execution.started', 2);
  story.deliver(started, id, 'DeliverySucceeded', { attempt: 1, status: 200 });
  story.complete(id, holdId, 10_000n);
  const done = story.schedule(id, 'execution.completed', 3);
  story.settle(id, holdId, [10_000n, 20_000n]);
  const nextAttemptAt = story.time(story.events.length + 120);
  const failed = { attempt: 1, status: 500, reason: 'answered 500', nextAttemptAt };
  story.deliver(done, id, 'DeliveryAttemptFailed', failed);
  const given = { attempt: 2, reason: 'gone', status: 410, cause: 'gone' };
  story.deliver(done, id, 'DeliveryExhausted', given);
  return id;
}

function tellFailedOver(story: Story): void {
  const id = story.execution();
  const holdId = story.place(id, 20_000n);
  story.request(id, holdId, 20_000n);
  story.dispatch(id, 1);
  story.on(id, 'ProviderFailed', { attempt: 1 });
  story.dispatch(id, 2, { provider: 'borealis' });
  story.on(id, 'ProviderOutcomeUnknown', { attempt: 2 });
  story.dispatch(id, 3, { dispatchKey: `${id}.2`, provider: 'borealis' });
  story.on(id, 'ProviderOutcomeUnknown', { attempt: 3, mayHaveCost: 5n, repeatable: true });
  story.dispatch(id, 4, { provider: 'polaris', unknownMaxCost: 5n });
  story.on(id, 'ProviderFailed', { attempt: 4 });
  const failure = { code: 'MODEL_OVERLOADED', message: 'Try again.', retryable: true };
  story.on(id, 'ExecutionFailed', { holdId, ...failure });
  story.release(id, holdId, 20_000n, 'failed');
}

/** Delivered first, completed for more than its hold; the rest is not billed. */
function tellDelivered(story: Story): void {
  const id = story.execution();
  const holdId = story.place(id, 15_000n);
  story.request(id, holdId, 15_000n);
  story.dispatch(id, 1);
  story.on(id, 'ProviderAccepted', { attempt: 1 });
  story.on(id, 'ProviderSucceeded', { attempt: 1, cost: 18_000n });
  story.complete(id, holdId, 18_000n);
  story.settle(id, holdId, [15_000n, 0n, 3_000n]);
}

/** A hold whose request never came; the key asks again, while a duplicate's hold finds no use. */
function tellAbandoned(story: Story): void {
  const id = story.execution();
  const first = story.place(id, 10_000n);
  story.on(id, 'ExecutionAbandoned', { holdId: first });
  story.release(id, first, 10_000n, 'abandoned');
  const second = story.place(id, 10_000n, { generation: 1 });
  story.request(id, second, 10_000n);
  const late = story.place(id, 10_000n, { generation: 1 });
  story.release(id, late, 10_000n, 'orphaned');
  story.on(id, 'ExecutionCancelled', { holdId: second });
  story.release(id, second, 10_000n, 'cancelled');
}

export const newEvent = ({ id, type, data, metadata }: Recorded): NewEvent<AnyEvent> => ({
  id,
  type,
  data,
  metadata,
});
