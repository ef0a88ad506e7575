/** Every metric there is, in Prometheus' terms. Labels are of bounded number, never an id. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  readonly httpSeconds: Histogram<'route' | 'status'>;
  readonly delayedRefusals: Counter<'sender'>;
  readonly attemptSeconds: Histogram<'provider' | 'outcome'>;
  readonly unknownOutcomes: Counter<'provider'>;
  readonly unknownCost: Counter<'provider'>;
  readonly handled: Counter<'group' | 'outcome'>;
  readonly handledSeconds: Histogram<'group'>;
  readonly webhookSeconds: Histogram<'outcome'>;
  readonly webhookEndpointsDisabled: Counter<'cause'>;
  readonly groupLag: Gauge<'group'>;
  readonly projectionLag: Gauge<'projection'>;
  readonly projectionStopped: Gauge<'projection'>;
  readonly proofSize: Gauge;
  readonly proofStopped: Gauge;
  readonly exportLag: Gauge<'export'>;
  readonly exportFailing: Gauge<'export'>;
  readonly deadLetters: Gauge<'group'>;
  readonly reconciled: Counter<'group'>;
  readonly consumerRestarts: Counter<'group'>;
  readonly consumerLag: Gauge<'group'>;
  readonly relayed: Counter;
  readonly appendQueue: Gauge;
  readonly appendedEvents: Counter;
  readonly appendBatches: Counter;
  readonly subscriptionEnds: Counter<'cause'>;
  readonly unknownEvents: Counter<'type'>;
  readonly forwardedCommands: Counter<'outcome'>;
  readonly ownedAccounts: Gauge;
  readonly breakerOpen: Gauge<'provider'>;
  readonly routeOpen: Gauge<'provider' | 'route'>;
  readonly circuitTransitions: Counter<'provider' | 'to'>;
  readonly routeFailures: Counter<'provider' | 'route' | 'code'>;
  readonly bulkheadInUse: Gauge<'provider'>;
  readonly bulkheadSlots: Gauge<'provider'>;
  readonly executionsWaiting: Gauge<'model'>;
  readonly oldestWaitingSeconds: Gauge<'model'>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

export function openMetrics(): Metrics {
  const registry = new Registry();
  // Looking at the event loop every 10 ms, as it does by itself, is most of an idle role's work.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const seconds = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Histogram({ name, help, labelNames, buckets: SECONDS, registers });
  return {
    registry,
    httpSeconds: seconds('http_request_seconds', 'Requests answered.', 'route', 'status'),
    delayedRefusals: counter('http_refusals_delayed_total', 'Refusals answered late.', 'sender'),
    attemptSeconds: seconds('execution_attempt_seconds', 'Provider calls.', 'provider', 'outcome'),
    unknownOutcomes: counter('provider_unknown_total', 'Calls of unknown outcome.', 'provider'),
    unknownCost: counter(
      'provider_may_have_cost_dollars_total',
      'What calls of unknown outcome cost at most.',
      'provider',
    ),
    handled: counter('processor_handled_total', 'Notifications by outcome.', 'group', 'outcome'),
    handledSeconds: seconds('processor_handled_seconds', 'Time per notification.', 'group'),
    webhookSeconds: seconds('webhook_attempt_seconds', 'Webhook attempts.', 'outcome'),
    webhookEndpointsDisabled: counter(
      'webhook_endpoints_disabled_total',
      'Webhook endpoints that this process switched off for what they answered.',
      'cause',
    ),
    groupLag: gauge('processor_lag_positions', 'Log positions behind the head.', 'group'),
    projectionLag: gauge('projection_lag_positions', 'Positions behind the head.', 'projection'),
    projectionStopped: gauge('projection_stopped', '1 when poisoned.', 'projection'),
    proofSize: gauge('proof_tree_events', 'Events that are in the tree over the log.'),
    proofStopped: gauge('proof_stopped', '1 while the tree cannot grow.'),
    exportLag: gauge('export_lag_seconds', 'Age of the oldest event in no file.', 'export'),
    exportFailing: gauge('export_failing', '1 while an export does not go on.', 'export'),
    deadLetters: gauge('processor_dead_letters', 'Notifications given up.', 'group'),
    reconciled: counter('bus_reconciled_total', 'Notifications that Kafka lost.', 'group'),
    consumerRestarts: counter('bus_consumer_restarts_total', 'Consumers restarted.', 'group'),
    consumerLag: gauge('bus_consumer_lag_messages', 'Messages not processed.', 'group'),
    relayed: counter('bus_relayed_events_total', 'Events published by this process.'),
    appendQueue: gauge('event_store_queue', 'Units that wait for the group commit.'),
    appendedEvents: counter('event_store_events_total', 'Events appended by this process.'),
    appendBatches: counter('event_store_batches_total', 'Group commits of this process.'),
    subscriptionEnds: counter('event_store_subscription_ends_total', 'Begun anew.', 'cause'),
    unknownEvents: counter('event_store_unknown_total', 'Events of unknown type skipped.', 'type'),
    forwardedCommands: counter('account_forwarded_total', 'Commands to owners.', 'outcome'),
    ownedAccounts: gauge('account_owned', 'Contested accounts that this process owns.'),
    breakerOpen: gauge('provider_breaker_open', '1 while calls are held back.', 'provider'),
    routeOpen: gauge('route_breaker_open', '1 while a route is not used.', 'provider', 'route'),
    circuitTransitions: counter(
      'provider_circuit_transitions_total',
      'Circuits that this process opened or closed.',
      'provider',
      'to',
    ),
    routeFailures: counter(
      'route_failures_total',
      'Attempts that failed for sure.',
      'provider',
      'route',
      'code',
    ),
    bulkheadInUse: gauge('provider_bulkhead_in_use', 'Calls in flight.', 'provider'),
    bulkheadSlots: gauge('provider_bulkhead_slots', 'Calls this process may have.', 'provider'),
    executionsWaiting: gauge('executions_waiting', 'In memory here, and as rows.', 'model'),
    oldestWaitingSeconds: gauge('execution_oldest_waiting_seconds', 'Longest wait.', 'model'),
  };
}
