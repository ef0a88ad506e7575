/** What the log says of the attempts at one provider, by every name that an invoice may use. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { Micros } from '../../contracts/money.js';
import { chargeOf } from '../../domain/execution/charge.js';
import { START, type EventStore } from '../../infra/event-store/port.js';

export interface Attempt {
  readonly executionId: string;
  readonly attempt: number;
  readonly dispatchKey: string;
  readonly at: string;
  readonly estimate: Micros;
  readonly holdAmount: Micros;
  providerJobId?: string;
  outcome: 'open' | 'succeeded' | 'failed' | 'unknown';
  /** What we owe the provider, as recorded. */
  providerCost?: Micros;
  mayHaveCost?: Micros;
  /** What the caller was charged, where this attempt delivered. */
  charge?: Micros;
}

interface Execution {
  readonly estimate: Micros;
  readonly holdAmount: Micros;
  readonly attempts: Map<number, Attempt>;
}

const PAGE = 5_000;

const types = [
  'PricesPublished',
  'ExecutionRequested',
  'ProviderDispatched',
  'ProviderAccepted',
  'ProviderSucceeded',
  'ProviderFailed',
  'ProviderOutcomeUnknown',
  'ProviderAnsweredLate',
  'ExecutionCompleted',
  'ExecutionFailed',
  'ExecutionCancelled',
  'ExecutionExpired',
] as const;

export interface AttemptsAt {
  /** Each attempt at the provider, once nothing more is told of it but by late answers. */
  readonly attempts: readonly Attempt[];
  /** Every provider that a catalogue of this log had, or that was asked. */
  readonly providers: ReadonlySet<string>;
}

export async function attemptsAt(
  store: EventStore,
  provider: string,
  signal: AbortSignal,
): Promise<AttemptsAt> {
  const executions = new Map<string, Execution>();
  const attempts: Attempt[] = [];
  const providers = new Set<string>();
  for (let at = START; !signal.aborted;) {
    const { events, position, caughtUp } = await store.readAll(at, PAGE, { types });
    for (const event of events) {
      for (const name of providersIn(event)) providers.add(name);
      const begun = take(executions, event, provider);
      if (begun) attempts.push(begun);
    }
    if (caughtUp || position <= at) break;
    at = position;
  }
  return { attempts, providers };
}

function providersIn({ type, data }: RecordedEvent<AnyEvent>): readonly string[] {
  if (type === 'ProviderDispatched') return [data.provider];
  if (type !== 'PricesPublished') return [];
  return data.models.flatMap(({ routes }) => routes.map((route) => route.provider));
}

/** The attempt that an event begins, if it is one at the provider. */
function take(
  executions: Map<string, Execution>,
  { type, data }: RecordedEvent<AnyEvent>,
  provider: string,
): Attempt | undefined {
  if (type === 'ExecutionRequested') {
    const { estimatedCost: estimate, holdAmount } = data;
    executions.set(data.executionId, { estimate, holdAmount, attempts: new Map() });
    return undefined;
  }
  if (!('executionId' in data)) return undefined;
  const execution = executions.get(data.executionId);
  if (!execution) return undefined;
  if (type === 'ProviderDispatched') {
    if (data.provider !== provider) return undefined;
    const { executionId, attempt, dispatchKey, at } = data;
    const { estimate, holdAmount } = execution;
    const about = { executionId, attempt, dispatchKey, at, estimate, holdAmount };
    const begun: Attempt = { ...about, outcome: 'open' };
    execution.attempts.set(attempt, begun);
    return begun;
  }
  const own = 'attempt' in data ? execution.attempts.get(data.attempt) : undefined;
  if (own) learn(own, type, data);
  // Executions that never were at the provider are forgotten with their end.
  if (type.startsWith('Execution') && execution.attempts.size === 0)
    executions.delete(data.executionId);
  return undefined;
}

function learn(own: Attempt, type: AnyEvent['type'], data: object): void {
  const { providerCost, mayHaveCost, providerJobId, cost } = data as Partial<
    Record<'cost' | 'mayHaveCost' | 'providerCost', Micros> & { readonly providerJobId: string }
  >;
  if (providerJobId !== undefined) own.providerJobId = providerJobId;
  if (providerCost !== undefined) own.providerCost = providerCost;
  if (mayHaveCost !== undefined) own.mayHaveCost = mayHaveCost;
  if (type === 'ProviderSucceeded') own.outcome = 'succeeded';
  if (type === 'ProviderFailed') own.outcome = 'failed';
  if (type === 'ProviderOutcomeUnknown') own.outcome = 'unknown';
  if (type !== 'ExecutionCompleted' || cost === undefined) return;
  own.outcome = 'succeeded';
  const ratedCost = (data as { readonly ratedCost?: Micros }).ratedCost;
  own.charge = chargeOf(
    { cost, ...(ratedCost !== undefined && { ratedCost }) },
    own.holdAmount,
  ).cost;
}
