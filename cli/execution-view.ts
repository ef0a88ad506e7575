/** What the log and the ledger know about one execution: attempts, money, deliveries, events. */
import type { DeliveryEvent } from '../contracts/events/delivery.js';
import type { RecordedEvent } from '../contracts/events/envelope.js';
import type { ExecutionRequested } from '../contracts/events/execution.js';
import { deliveryIdOf, type ExecutionId } from '../contracts/ids.js';
import { formatMoney } from '../contracts/money.js';
import { streamOf } from '../contracts/streams.js';
import { WEBHOOK_EVENTS } from '../contracts/webhooks/body.js';
import * as Delivery from '../domain/delivery/delivery.js';
import { rowsOf } from '../infra/read-store/reading.js';
import { readLedgerEntry } from '../infra/read-store/tables/billing.js';
import { StartError } from '../infra/start-error.js';
import { operatorView, readOperatorFacts } from '../query-api/admin/operator-view.js';
import type { Database } from '../runtime/open-database.js';

export type ExecutionView = Awaited<ReturnType<typeof executionViewOf>>;

/** Throws `StartError` where there is no such execution. */
export async function executionViewOf(database: Database, id: ExecutionId) {
  const { store } = database;
  const { facts, beside } = await readOperatorFacts(store, id);
  const view = operatorView(facts, beside);
  if (!view)
    throw new StartError(
      facts.length === 0
        ? `There is no execution ${id}.`
        : `${id} was abandoned before it was accepted: there is nothing more to it.`,
    );
  const { events, ...body } = view.body;
  return {
    ...body,
    ledger: await ledgerOf(database, id),
    deliveries: await deliveriesOf(database, view.request),
    events,
  };
}

async function ledgerOf({ readStore }: Database, id: ExecutionId) {
  const rows = await rowsOf(readStore, {
    text: `
      SELECT * FROM readmodel.ledger_entries
      WHERE execution_id = $1
      ORDER BY organization_id, position, leg`,
    values: [id],
  });
  return rows.map(readLedgerEntry).map(({ entryType, amount, balance, at }) => ({
    type: entryType,
    amount: formatMoney(amount),
    balance: formatMoney(balance),
    at,
  }));
}

/** A delivery's id follows from what it tells and to whom, so all there can be are looked at. */
async function deliveriesOf(
  { store }: Database,
  { executionId, webhookUrl }: ExecutionRequested['data'],
) {
  if (webhookUrl === undefined) return [];
  const streams = WEBHOOK_EVENTS.map((type) =>
    streamOf('delivery', deliveryIdOf(executionId, type, webhookUrl)),
  );
  const all = await Promise.all(streams.map((stream) => store.readStream(stream)));
  return all.flatMap((events) => deliveryBody(events as readonly RecordedEvent<DeliveryEvent>[]));
}

function deliveryBody(events: readonly RecordedEvent<DeliveryEvent>[]) {
  let state = Delivery.initial();
  for (const { type, data } of events)
    state = Delivery.evolve(state, { type, data } as DeliveryEvent);
  if (state.status === 'none') return [];
  const { deliveryId, eventId, eventType, sequence } = state.scheduled;
  const attempts = events.flatMap(({ data }) => {
    if (!('attempt' in data)) return [];
    const { attempt, at, latencyMs, status } = data;
    const reason = 'reason' in data ? data.reason : null;
    return [{ attempt, at, latency_ms: latencyMs, http_status: status ?? null, reason }];
  });
  return [
    {
      id: deliveryId,
      event_id: eventId,
      type: eventType,
      sequence,
      status: state.status,
      next_attempt_at: state.status === 'waiting' ? state.nextAttemptAt : null,
      attempts,
    },
  ];
}
