/**
 * What is wrong because it has not happened. On a system at work much has begun that will end, so
 * each thing has the time that the system itself gives it, and some slack. A drained system has
 * ended everything: only a webhook that waits for its next attempt may still be open.
 */
import type { Timestamp } from '../contracts/events/envelope.js';
import { runningOf } from './invariants/batches.js';
import type { OpenDelivery, OpenExecution, OpenHold, OpenItems } from './open-items.js';

export interface Moment {
  readonly nowMs: number;
  /** The system was drained: nothing has time left. */
  readonly settled: boolean;
}

/** For processes that were busy, restarted, or waiting for a lease. */
const SLACK_MS = 60_000;
/** How long a delivered output may be re-hosted past its execution's expiry. */
const REHOST_MS = 15 * 60_000;
/** A hold that has not ended is reconciled after this time. */
const RECONCILE_MS = 60_000;
/** A first attempt without a recorded end is made again after this time. */
const FIRST_ATTEMPT_MS = 45_000;
/** A webhook's call takes no longer. */
const CALL_MS = 30_000;

export function findOverdue(open: OpenItems, moment: Moment): void {
  for (const execution of open.executions.values()) {
    findUnfinished(open, moment, execution);
    findUnscheduled(open, moment, execution);
  }
  for (const hold of open.holds.values()) findUnended(open, moment, hold);
  for (const delivery of open.deliveries.values()) findUnheard(open, moment, delivery);
  if (moment.settled) findUncompleted(open);
}

function findUncompleted(open: OpenItems): void {
  for (const [id, { isOver: isCompleted }] of open.batches)
    if (!isCompleted && runningOf(open, id).length === 0)
      open.findings.add('I1', `batch-${id}`, 'all of its executions are over, and it is not');
}

function findUnfinished({ findings }: OpenItems, moment: Moment, execution: OpenExecution): void {
  const { id, request, status, end, inFlight, delivered, attempt } = execution;
  if (!request || end) return;
  const expiryMs = Date.parse(request.expiresAt);
  const graceMs = delivered ? Date.parse(delivered.at) + REHOST_MS : expiryMs;
  const subject = `execution-${id}`;
  if (isOver(moment, Math.max(expiryMs, graceMs) + SLACK_MS)) {
    findings.add('I1', subject, `it is still ${status}; it expires at ${request.expiresAt}`);
    return;
  }
  if (inFlight && isOver(moment, Date.parse(inFlight.deadline) + SLACK_MS))
    findings.add('I1', subject, `attempt ${attempt} had until ${inFlight.deadline} and no end`);
}

function findUnscheduled({ findings }: OpenItems, moment: Moment, execution: OpenExecution): void {
  for (const [type, { at }] of execution.dueEvents)
    if (isOver(moment, after(at, SLACK_MS)))
      findings.add('I5', `execution-${execution.id}`, `${type} of ${at} is owed and not scheduled`);
}

function findUnended({ findings, executions }: OpenItems, moment: Moment, hold: OpenHold): void {
  const { holdId, organizationId, executionId, placedAt } = hold;
  const execution = executions.get(executionId);
  const funds = execution?.request?.holdId === holdId;
  if (funds && !execution.end && !moment.settled) return;
  const since = (funds && execution.end?.at) || placedAt;
  if (!isOver(moment, after(since, RECONCILE_MS + SLACK_MS))) return;
  const end = execution?.end ? ` since ${execution.end.at}` : '';
  const why = funds ? `is ${execution.status}${end}` : 'is not paid by it';
  const problem = `${holdId} of ${placedAt} is still open, and ${executionId} ${why}`;
  findings.add('I2', `account-${organizationId}`, problem);
}

function findUnheard({ findings }: OpenItems, moment: Moment, delivery: OpenDelivery): void {
  const { id, attempts, nextAt, eventType, executionId } = delivery;
  const patienceMs = attempts === 0 ? FIRST_ATTEMPT_MS : 0;
  const untried = moment.settled && attempts === 0;
  const isLate = moment.nowMs > after(nextAt, patienceMs + CALL_MS + SLACK_MS);
  if (!untried && !isLate) return;
  const problem = `${eventType} of ${executionId} was due at ${nextAt}, attempts: ${attempts}`;
  findings.add('I5', `delivery-${id}`, problem);
}

const isOver = ({ nowMs, settled }: Moment, untilMs: number): boolean => settled || nowMs > untilMs;

const after = (at: Timestamp, ms: number): number => Date.parse(at) + ms;
