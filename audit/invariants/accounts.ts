/**
 * Accounts and their holds. I3: what every event says stands on the account is what stood there
 * before and what it moves, and never below zero; a key moves money once. I2: a hold ends once, by
 * what it was worth. I4: a charge is for the one completed execution that the hold was placed for,
 * and within it.
 */
import { hash } from 'node:crypto';
import type { AccountEvent } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { MovementEvent } from '../../contracts/events/movement.js';
import { movementIdOf, type OrganizationId } from '../../contracts/ids.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import type { Account, OpenExecution, OpenItems } from '../open-items.js';
import { auditSpending, emptyGuardBook } from './spending-guards.js';

type Recorded<T extends AccountEvent['type'] = AccountEvent['type']> = RecordedEvent<
  Extract<AccountEvent, { type: T }>
>;

/** The execution whose hold ended; it may be done now. */
export function auditAccountEvent(open: OpenItems, event: Recorded): OpenExecution | undefined {
  const { findings } = open;
  const { stream, data, revision, position } = event;
  if (stream !== `account-${data.organizationId}`)
    findings.add('I3', stream, `${event.type} is about ${data.organizationId}`);
  const account = accountOf(open, data.organizationId);
  const wrong = (problem: string) =>
    findings.add('I3', stream, `${event.type} at revision ${revision} ${problem}`);
  const [toAvailable, toHeld] = book(account, event, wrong);
  const ending = 'holdId' in data ? open.holds.get(data.holdId) : undefined;
  auditSpending(account.guards, event, ending, wrong);
  const told = (what: string, is: Micros, due: Micros) => {
    if (is !== due) findings.add('I3', stream, wrongSum(event, what, is, due));
    if (is < 0n) findings.add('I3', stream, `${what} is ${formatMoney(is)} at ${revision}`);
  };
  told('available', data.availableAfter, account.available + toAvailable);
  told('held', data.heldAfter, account.held + toHeld);
  // The next event is compared with this one's amounts, so that one slip is one finding.
  Object.assign(account, { available: data.availableAfter, held: data.heldAfter });
  Object.assign(account, { revision, position });
  switch (event.type) {
    case 'FundsDeposited':
      return moved(open, account, event, movementKey('topUp', event.data.topUpId));
    case 'FundsAdjusted':
      return moved(open, account, event, movementKey('adjustment', event.data.adjustmentId));
    case 'HoldPlaced':
      return placed(open, event);
    case 'HoldSettled':
      return settled(open, event);
    case 'HoldReleased':
      return released(open, event);
    case 'SpendingGuardSet':
    case 'BalanceAlertSet':
    case 'BalanceRanLow':
      return undefined;
  }
}

const wrongSum = ({ type, revision }: Recorded, what: string, is: Micros, due: Micros) =>
  `${type} at revision ${revision} says ${formatMoney(is)} ${what}, and it is ${formatMoney(due)}`;

function accountOf({ accounts }: OpenItems, id: OrganizationId): Account {
  let account = accounts.get(id);
  if (!account) {
    account = {
      deposited: 0n,
      adjustedUp: 0n,
      adjustedDown: 0n,
      reserved: 0n,
      returned: 0n,
      charged: 0n,
      available: 0n,
      held: 0n,
      revision: -1,
      position: -1n,
      movements: new Set(),
      guards: emptyGuardBook(),
    };
    accounts.set(id, account);
  }
  return account;
}

/** Notes the movement; returns its effects on the available and on the held amount. */
function book(
  account: Account,
  { type, data }: Recorded,
  wrong: (problem: string) => void,
): readonly [toAvailable: Micros, toHeld: Micros] {
  switch (type) {
    case 'FundsDeposited':
      if (data.amount <= 0n) wrong(`deposits ${formatMoney(data.amount)}`);
      account.deposited += data.amount;
      return [data.amount, 0n];
    case 'FundsAdjusted':
      if (data.amount < 0n) account.adjustedDown -= data.amount;
      else account.adjustedUp += data.amount;
      return [data.amount, 0n];
    case 'HoldPlaced':
      if (data.amount <= 0n) wrong(`reserves ${formatMoney(data.amount)}`);
      account.reserved += data.amount;
      return [-data.amount, data.amount];
    case 'HoldSettled': {
      const { charged, returned, overrun } = data;
      if (charged < 0n || returned < 0n || overrun < 0n) wrong('has an amount below zero');
      account.returned += charged + returned;
      account.charged += charged;
      return [returned, -charged - returned];
    }
    case 'HoldReleased':
      account.returned += data.amount;
      return [data.amount, -data.amount];
    case 'SpendingGuardSet':
    case 'BalanceAlertSet':
    case 'BalanceRanLow':
      return [0n, 0n];
  }
}

/** An operator's key moves money once, however long ago that was. */
function moved(
  { findings }: OpenItems,
  { movements }: Account,
  { stream, type, revision }: Recorded,
  key: bigint,
): undefined {
  if (movements.has(key))
    findings.add('I3', stream, `${type} at revision ${revision} repeats a key that moved money`);
  movements.add(key);
}

/** A key that is recorded for good has moved money: another one could never move any. */
export function auditMovementEvent(
  { findings, accounts }: OpenItems,
  { stream, data }: RecordedEvent<MovementEvent>,
): undefined {
  const { organizationId, kind, key } = data;
  if (stream !== `movement-${movementIdOf(organizationId, kind, key)}`)
    findings.add('I3', stream, 'it is the record of another key');
  if (!accounts.get(organizationId)?.movements.has(movementKey(kind, key)))
    findings.add('I3', stream, `it records a key of ${organizationId} that never moved money`);
}

const movementKey = (kind: string, key: string): bigint =>
  BigInt(`0x${hash('sha1', `${kind}/${key}`, 'hex').slice(0, 16)}`);

function placed({ findings, holds, counts }: OpenItems, event: Recorded<'HoldPlaced'>): undefined {
  const { holdId, organizationId, executionId, generation, amount, at: placedAt } = event.data;
  const { apiKeyId } = event.data;
  counts.holds += 1;
  if (holds.has(holdId)) findings.add('I2', event.stream, `${holdId} was placed twice`);
  const hold = { holdId, organizationId, executionId, generation, amount, placedAt };
  holds.set(holdId, { ...hold, ...(apiKeyId && { apiKeyId }) });
}

function settled(
  open: OpenItems,
  { stream, data }: Recorded<'HoldSettled'>,
): OpenExecution | undefined {
  const { findings, executions } = open;
  const { holdId, executionId, charged, returned, overrun } = data;
  takeHold(open, stream, data, charged + returned);
  const execution = executions.get(executionId);
  if (execution?.request?.holdId !== holdId || execution.status !== 'COMPLETED') {
    const was = execution?.request?.holdId === holdId ? ` (it is ${execution.status})` : '';
    const problem = `${holdId} charged ${formatMoney(charged)} without the completion of`;
    findings.add('I4', stream, `${problem} ${executionId}${was}`);
    return undefined;
  }
  const { cost, rated } = execution.end ?? { cost: 0n, rated: 0n };
  if (charged !== cost || overrun !== rated - cost) {
    const told = `charged ${formatMoney(charged)} with an overrun of ${formatMoney(overrun)}`;
    const problem = `${holdId} ${told}; ${executionId} cost ${formatMoney(cost)}`;
    findings.add('I4', stream, `${problem}, rated at ${formatMoney(rated)}`);
  }
  return ended(execution);
}

/** A release must fit the state of the execution that the hold paid for. */
const RELEASED_AS = { failed: 'FAILED', cancelled: 'CANCELLED', expired: 'EXPIRED' } as const;

function released(
  open: OpenItems,
  { stream, data }: Recorded<'HoldReleased'>,
): OpenExecution | undefined {
  const { holdId, executionId, reason, amount } = data;
  takeHold(open, stream, data, amount);
  const execution = open.executions.get(executionId);
  const funds = execution?.request?.holdId === holdId;
  const claimed =
    reason in RELEASED_AS ? RELEASED_AS[reason as keyof typeof RELEASED_AS] : undefined;
  if (funds ? execution.status !== claimed : claimed) {
    const is = funds ? `is ${execution.status}` : 'was not paid by it';
    open.findings.add('I2', stream, `${holdId} was released as ${reason}; ${executionId} ${is}`);
  }
  return funds ? ended(execution) : undefined;
}

/** The open hold that ends here is dropped. */
function takeHold(
  { findings, holds }: OpenItems,
  stream: string,
  end: Recorded<'HoldSettled' | 'HoldReleased'>['data'],
  amount: Micros,
): void {
  const { holdId, organizationId, executionId } = end;
  const hold = holds.get(holdId);
  if (!hold) {
    findings.add('I2', stream, `${holdId} ends, but is not open: it ended before, or never began`);
    return;
  }
  holds.delete(holdId);
  if (hold.organizationId !== organizationId || hold.executionId !== executionId)
    findings.add('I2', stream, `${holdId} was placed for ${hold.executionId} and ends for another`);
  if (hold.amount !== amount) {
    const [was, is] = [formatMoney(hold.amount), formatMoney(amount)];
    findings.add('I2', stream, `${holdId} held ${was} and gives ${is} back`);
  }
}

function ended(execution: OpenExecution): OpenExecution {
  execution.holdEnded = true;
  return execution;
}
