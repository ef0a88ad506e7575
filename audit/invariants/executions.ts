/**
 * Executions. I1: what was requested comes to exactly one end, by attempts that were dispatched one
 * after another. I2: it was requested on a hold that was open and its own. The events that
 * are due to its webhook are noted for I5, under the numbers of the owner's timeline (I8).
 */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionEvent, Usage } from '../../contracts/events/execution.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import { CLASSIC_EVENTS } from '../../contracts/webhooks/body.js';
import { wrongPrice } from './prices.js';
import { endpointsFor } from './webhook-endpoints.js';
import { dueKey, move, type OpenExecution, type OpenItems, type Status } from '../open-items.js';

type Recorded<T extends ExecutionEvent['type'] = ExecutionEvent['type']> = RecordedEvent<
  Extract<ExecutionEvent, { type: T }>
>;

/** The execution that may now be done with. */
export function auditExecutionEvent(open: OpenItems, event: Recorded): OpenExecution | undefined {
  const { stream, data } = event;
  const { executionId, organizationId } = data;
  const wrong = (problem: string) => open.findings.add('I1', stream, problem);
  if (stream !== `execution-${executionId}`) {
    wrong(`${event.type} is about ${executionId}`);
    return undefined;
  }
  const execution = executionOf(open, event);
  if (execution.organizationId !== organizationId)
    wrong(`${event.type} is of ${organizationId}, and the execution of another`);
  if (event.type === 'ExecutionAbandoned') {
    if (execution.request) wrong('it was abandoned after it was requested');
    execution.abandonedHolds.add(event.data.holdId);
    return undefined;
  }
  if (event.type === 'ExecutionRequested') return requested(open, execution, event);
  if (!execution.request) wrong(`${event.type} without a request`);
  else if (execution.end) wrong(`${event.type} after it was ${execution.status}`);
  else return goneOn(open, execution, event, wrong);
  return undefined;
}

function executionOf({ executions }: OpenItems, { data }: Recorded): OpenExecution {
  const { executionId: id, organizationId } = data;
  let execution = executions.get(id);
  if (!execution) {
    execution = {
      id,
      organizationId,
      status: 'PENDING',
      attempt: 0,
      holdEnded: false,
      abandonedHolds: new Set(),
      keys: new Map(),
      sequence: 0,
      started: false,
      dueEvents: new Map(),
    };
    executions.set(id, execution);
  }
  return execution;
}

function requested(
  open: OpenItems,
  execution: OpenExecution,
  { stream, data, revision }: Recorded<'ExecutionRequested'>,
): undefined {
  const { findings, counts, holds } = open;
  if (execution.request) return findings.add('I1', stream, 'it was requested twice') as undefined;
  counts.executions += 1;
  const { holdId, holdAmount, model, catalogueVersion, expiresAt } = data;
  const { webhookUrl, webhookEvents } = data;
  const wanted = webhookEvents ?? CLASSIC_EVENTS;
  execution.request = {
    holdId,
    holdAmount,
    model,
    catalogueVersion,
    expiresAt,
    webhookUrl,
    wanted,
  };
  execution.sequence = 1;
  move(tallyOf(open, data.organizationId), undefined, 'PENDING');
  const wrong = (problem: string) => findings.add('I2', stream, `${holdId} ${problem}`);
  if (execution.abandonedHolds.has(holdId)) wrong('was abandoned before it was requested on');
  const hold = holds.get(holdId);
  if (!hold) {
    wrong('does not stand when it is requested');
    execution.holdEnded = true;
  } else if (hold.executionId !== data.executionId || hold.organizationId !== data.organizationId)
    wrong(`was placed for ${hold.executionId}`);
  else if (hold.amount !== holdAmount)
    wrong(`holds ${formatMoney(hold.amount)} where ${formatMoney(holdAmount)} are asked for`);
  else if (hold.generation !== revision)
    wrong(`was placed for revision ${hold.generation}, not ${revision}`);
}

type OnItsWay = Exclude<ExecutionEvent['type'], 'ExecutionRequested' | 'ExecutionAbandoned'>;

/** It was requested and has not ended. */
function goneOn(
  open: OpenItems,
  execution: OpenExecution,
  event: Recorded<OnItsWay>,
  wrong: (problem: string) => void,
): OpenExecution | undefined {
  const tally = tallyOf(open, execution.organizationId);
  const become = (status: Status) => {
    move(tally, execution.status, status);
    execution.status = status;
  };
  switch (event.type) {
    case 'ProviderDispatched':
      dispatched(open, execution, event, wrong);
      return become('PROCESSING') as undefined;
    case 'ProviderAccepted':
      expectAttempt(execution, event, wrong);
      return become('AWAITING_WEBHOOK') as undefined;
    case 'ProviderSucceeded':
      expectAttempt(execution, event, wrong);
      delete execution.inFlight;
      execution.delivered = {
        rated: ratedIn(event.data),
        usage: event.data.usage,
        at: event.data.at,
      };
      return become('PROCESSING') as undefined;
    case 'ProviderFailed':
    case 'ProviderOutcomeUnknown':
      expectAttempt(execution, event, wrong);
      delete execution.inFlight;
      if (event.type === 'ProviderOutcomeUnknown') leaveOpen(execution, event);
      return become('PENDING') as undefined;
    case 'ExecutionCompleted':
      become('COMPLETED');
      return ended(open, execution, event, completed(open, execution, event, wrong), wrong);
    case 'ExecutionFailed':
      become('FAILED');
      return ended(open, execution, event, NOTHING, wrong);
    case 'ExecutionCancelled':
      become('CANCELLED');
      return ended(open, execution, event, NOTHING, wrong);
    case 'ExecutionExpired':
      become('EXPIRED');
      return ended(open, execution, event, NOTHING, wrong);
  }
}

function tallyOf({ tallies }: OpenItems, organizationId: OrganizationId): Map<Status, number> {
  let tally = tallies.get(organizationId);
  if (!tally) tallies.set(organizationId, (tally = new Map<Status, number>()));
  return tally;
}

function dispatched(
  open: OpenItems,
  execution: OpenExecution,
  event: Recorded<'ProviderDispatched'>,
  wrong: (problem: string) => void,
): void {
  const { attempt, deadline } = event.data;
  if (attempt !== execution.attempt + 1)
    wrong(`attempt ${attempt} was dispatched after attempt ${execution.attempt}`);
  if (execution.inFlight) wrong(`attempt ${attempt} was dispatched while another was in flight`);
  if (execution.delivered) wrong(`attempt ${attempt} was dispatched after one had delivered`);
  useKey(execution, event, wrong);
  execution.key = event.data.dispatchKey;
  execution.attempt = attempt;
  execution.route = event.data.route;
  if (execution.request) execution.model = event.data.model ?? execution.request.model;
  execution.inFlight = { deadline };
  if (!execution.started) addToTimeline(open, execution, event, 'execution.started');
  execution.started = true;
}

/**
 * An unknown outcome stays unknown until the end: its provider is asked again only under the same
 * key, and another one only where the claim says that what may be lost covers it.
 */
function useKey(
  { keys }: OpenExecution,
  { data }: Recorded<'ProviderDispatched'>,
  wrong: (problem: string) => void,
): void {
  const { attempt, provider, dispatchKey, unknownMaxCost = 0n } = data;
  const used = keys.get(dispatchKey);
  if (used) {
    if (!used.isDoubtful) wrong(`attempt ${attempt} took the key of an attempt that had ended`);
    else if (!used.isRepeatable)
      wrong(`attempt ${attempt} repeated a call at a provider that knows no keys`);
    if (used.provider !== provider)
      wrong(`attempt ${attempt} took the key of a call at another provider`);
    return;
  }
  const doubts = [...keys.values()].filter(({ isDoubtful }) => isDoubtful);
  if (doubts.some((doubt) => doubt.provider === provider))
    wrong(`attempt ${attempt} took a key of its own though the provider may have been paid`);
  else if (doubts.length > 0) {
    const paid = doubts.map(({ mayHaveCost }) => mayHaveCost);
    const sum = paid.reduce<Micros>((total, cost = 0n) => total + cost, 0n);
    if (paid.includes(undefined) || sum > unknownMaxCost)
      wrong(`attempt ${attempt} went on though more may have been paid than may be lost`);
  }
  keys.set(dispatchKey, { provider, isDoubtful: false, isRepeatable: true });
}

function leaveOpen(
  { keys, key = '' }: OpenExecution,
  { data: { mayHaveCost, repeatable = true } }: Recorded<'ProviderOutcomeUnknown'>,
): void {
  const used = keys.get(key);
  if (used) Object.assign(used, { isDoubtful: true, mayHaveCost, isRepeatable: repeatable });
}

function expectAttempt(
  { attempt, inFlight }: OpenExecution,
  { type, data }: Recorded<Exclude<OnItsWay, `Execution${string}` | 'ProviderDispatched'>>,
  wrong: (problem: string) => void,
): void {
  if (!inFlight) wrong(`${type} of attempt ${data.attempt}, and none is in flight`);
  else if (data.attempt !== attempt)
    wrong(`${type} of attempt ${data.attempt} while attempt ${attempt} is in flight`);
}

interface Money {
  readonly cost: Micros;
  readonly rated: Micros;
}

const NOTHING: Money = { cost: 0n, rated: 0n };

/** Where there is no `ratedCost`, the price is the cost. */
const ratedIn = ({ cost, ratedCost }: { cost: Micros; ratedCost?: Micros }): Micros =>
  ratedCost ?? cost;

/** What it cost, and what it would have cost without the bound of its hold. */
function completed(
  open: OpenItems,
  execution: OpenExecution,
  { data, stream }: Recorded<'ExecutionCompleted'>,
  wrong: (problem: string) => void,
): Money {
  const { attempt, inFlight, delivered, request, organizationId } = execution;
  if (!inFlight && !delivered)
    wrong(`it was completed by attempt ${data.attempt}, which never ran`);
  else if (data.attempt !== attempt)
    wrong(`it was completed by attempt ${data.attempt} in the place of attempt ${attempt}`);
  const rated = ratedIn(data);
  // What the files say of its use is known only once they are stored; the price book rates that.
  if (delivered && delivered.rated !== rated && sameUse(delivered.usage, data.usage)) {
    const [was, is] = [formatMoney(delivered.rated), formatMoney(rated)];
    wrong(`it was delivered for ${was} and completed for ${is}`);
  }
  const wrongly = wrongPrice(open, execution, data.usage, rated);
  if (wrongly !== undefined) open.findings.add('I4', stream, wrongly);
  const held = request?.holdAmount ?? 0n;
  const cost = rated < held ? rated : held;
  // The first release recorded the price as the cost; its owner is shown what the hold covers.
  if (data.cost !== cost && data.ratedCost !== undefined) {
    const [told, due] = [formatMoney(data.cost), formatMoney(cost)];
    open.findings.add('I4', stream, `it is said to cost ${told}, and costs ${due}`);
  }
  open.costs.set(organizationId, (open.costs.get(organizationId) ?? 0n) + cost);
  return { cost, rated };
}

const sameUse = (one: Usage, other: Usage): boolean => {
  const units = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof Usage>;
  return [...units].every((unit) => (one[unit] ?? 0) === (other[unit] ?? 0));
};

const PUBLIC_TYPE = {
  ExecutionCompleted: 'execution.completed',
  ExecutionFailed: 'execution.failed',
  ExecutionCancelled: 'execution.cancelled',
  ExecutionExpired: 'execution.expired',
} as const;

function ended(
  open: OpenItems,
  execution: OpenExecution,
  event: Recorded<
    'ExecutionCompleted' | 'ExecutionFailed' | 'ExecutionCancelled' | 'ExecutionExpired'
  >,
  { cost, rated }: Money,
  wrong: (problem: string) => void,
): OpenExecution {
  const { holdId, at } = event.data;
  if (holdId !== execution.request?.holdId) wrong(`${event.type} names ${holdId}, not its hold`);
  delete execution.inFlight;
  execution.end = { at, cost, rated };
  addToTimeline(open, execution, event, PUBLIC_TYPE[event.type]);
  return execution;
}

/** The owner's timeline grows by one entry; it is due to whoever asked for its type. */
function addToTimeline(
  open: OpenItems,
  execution: OpenExecution,
  { revision, data: { at } }: Recorded,
  type: string,
): void {
  execution.sequence += 1;
  const { request, sequence, dueEvents, organizationId } = execution;
  if (request?.webhookUrl !== undefined && request.wanted.includes(type))
    dueEvents.set(dueKey(type), { sequence, revision, at });
  for (const endpointId of endpointsFor(open, organizationId, type))
    dueEvents.set(dueKey(type, endpointId), { sequence, revision, at });
}
