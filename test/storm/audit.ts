/**
 * What must be true when the weather has calmed, asked of the API, of the sandbox's own record and
 * of the receiver's: nobody is asked about himself.
 */
import type { ExecutionBody, LedgerEntry, Tenant } from '../../testing/client.js';
import { TERMINAL } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { micros } from '../testing/executions.js';
import type { Receiver, Told } from '../../testing/receiver.js';
import { allCalls } from '../../sandbox/testing/behaviour.js';
import { signatureFaults } from '../../testing/webhook-signatures.js';
import type { FeedFollower } from './feed-followers.js';
import type { Load, Promised } from './load.js';

export interface Scene {
  readonly tenants: readonly Tenant[];
  /** What each tenant was given to spend. */
  readonly amount: string;
  readonly load: Load;
  readonly receiver: Receiver;
  /** Of each tenant, in their order, where there are some. */
  readonly followers?: readonly FeedFollower[];
  readonly sandboxUrl: string;
  /** Nobody else makes the sandbox work. */
  readonly isAlone: boolean;
}

/** A forgotten hold or webhook is found out within a minute; then it takes a moment to end. */
const CALM_DEADLINE_MS = 100_000;
const LOOKS_AT_ONCE = 16;

/** Resolves when nothing is open any more; throws, saying what is, when that takes too long. */
export async function untilCalm({ tenants, load, receiver }: Scene): Promise<void> {
  let open = '';
  const isCalm = async () => {
    const listed = (await Promise.all(tenants.map(executionsOf))).flat();
    const unfinished = listed.filter(({ status }) => !TERMINAL.includes(status));
    const balances = await Promise.all(tenants.map(({ api }) => api.balance()));
    const held = balances.filter((balance) => balance.held !== '0.000');
    const told = new Set(receiver.told.map(eventOf));
    const owed = listed.filter((one) => isOwed(load.promised.get(one.id), one.status, told));
    const waiting = [unfinished.length, held.length, owed.length];
    open = `${waiting.join(', ')} executions, balances, webhooks; ${unfinished[0]?.id ?? ''}`;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return waiting.every((count) => count === 0);
  };
  await eventually('calm', isCalm, CALM_DEADLINE_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}; still open: ${open}`);
  });
}

const isOwed = (promise: Promised | undefined, status: string, told: ReadonlySet<string>) =>
  promise?.body.webhook_url !== undefined &&
  status !== 'EXPIRED' &&
  !told.has(`${promise.id} execution.${status.toLowerCase()}`);

/** Everything that is wrong; calm has come. */
export async function audit(scene: Scene): Promise<readonly string[]> {
  const findings: string[] = [...scene.load.complaints];
  for (const [index, tenant] of scene.tenants.entries()) {
    const promised = [...scene.load.promised.values()].filter((one) => one.tenant === tenant);
    const executions = new Map((await executionsOf(tenant)).map((one) => [one.id, one]));
    findings.push(...ends(promised, executions), ...(await timelines(tenant, executions)));
    findings.push(...(await money(tenant, executions, scene.amount)));
    findings.push(...((await scene.followers?.[index]?.findings(executions)) ?? []));
  }
  return [...findings, ...webhooks(scene), ...(await payments(scene))];
}

const executionsOf = ({ api }: Tenant) => api.all<ExecutionBody>('/executions');

function ends(
  promised: readonly Promised[],
  executions: ReadonlyMap<string, ExecutionBody>,
): string[] {
  const ids = new Set(promised.map(({ id }) => id));
  const nobodys = [...executions.keys()].filter((id) => !ids.has(id));
  const faults = promised.flatMap(({ id, cancelled, seen }) => {
    const status = executions.get(id)?.status;
    if (!status || !TERMINAL.includes(status)) return [`${id} was accepted and is ${status}`];
    if (cancelled && status !== 'CANCELLED') return [`${id} was cancelled and is ${status}`];
    return seen && seen !== status ? [`${id} was ${seen} and is ${status}`] : [];
  });
  return [...nobodys.map((id) => `${id} was accepted, but nobody was told`), ...faults];
}

async function timelines(
  { api }: Tenant,
  executions: ReadonlyMap<string, ExecutionBody>,
): Promise<string[]> {
  const findings: string[] = [];
  const waiting = executions.values();
  const lane = async () => {
    for (const { id, status } of waiting) {
      const timeline = await api.timeline(id);
      const sequence = timeline.map((entry) => entry.sequence);
      if (sequence.some((number, index) => number !== index + 1))
        findings.push(`${id} has the sequence ${sequence.join(' ')}`);
      const over = timeline.filter((entry) => TERMINAL.includes(entry.status));
      if (over.length !== 1 || over[0]?.status !== status || over[0] !== timeline.at(-1))
        findings.push(`${id} is ${status}, after ${over.map((entry) => entry.type).join(', ')}`);
    }
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, lane));
  return findings;
}

/** Newest entry first: each balance is the one below it and its own amount. */
async function money(
  { api }: Tenant,
  executions: ReadonlyMap<string, ExecutionBody>,
  amount: string,
): Promise<string[]> {
  const findings: string[] = [];
  const ledger = (await api.all<LedgerEntry>('/billing/ledger')).toReversed();
  let balance = 0n;
  for (const [index, entry] of ledger.entries()) {
    balance += micros(entry.amount);
    if (micros(entry.balance) !== balance) findings.push(`entry ${index} says ${entry.balance}`);
    if (balance < 0n) findings.push(`entry ${index} leaves ${entry.balance}`);
  }
  const byExecution = grouped(ledger, (entry) => entry.execution_id ?? '');
  let spent = 0n;
  for (const { id, status, cost, hold_amount } of executions.values()) {
    const entries = byExecution.get(id) ?? [];
    const ofType = (type: string) => entries.filter((entry) => entry.type === type);
    const charged = ofType('SETTLEMENT').reduce((sum, entry) => sum - micros(entry.amount), 0n);
    spent += charged;
    if (ofType('HOLD').length !== ofType('RELEASE').length)
      findings.push(`${id} has ${ofType('HOLD').length} holds, ${ofType('RELEASE').length} ended`);
    const due = status === 'COMPLETED' ? micros(cost ?? '0') : 0n;
    if (charged !== due || charged > micros(hold_amount))
      findings.push(`${id} is ${status}, cost ${cost}, charged ${charged} micros`);
    if (ofType('SETTLEMENT').length > 1) findings.push(`${id} was charged more than once`);
  }
  const { available, held, total } = await api.balance();
  if (held !== '0.000' || available !== total) findings.push(`${held} are held when all is over`);
  if (micros(total) !== balance)
    findings.push(`the balance is ${total}, the ledger says ${balance}`);
  if (micros(amount) - spent !== balance) findings.push(`${spent} micros spent, ${total} left`);
  const holds = await api.all('/billing/holds');
  if (holds.length > 0) findings.push(`${holds.length} holds are listed when all is over`);
  return findings;
}

const eventOf = ({ raw }: Told): string => {
  const { execution_id, type } = JSON.parse(raw) as { execution_id: string; type: string };
  return `${execution_id} ${type}`;
};

/** Each event at least once, always under one id and in the same words, and signed. */
function webhooks({ load, receiver }: Scene): string[] {
  const findings: string[] = [];
  for (const [event, told] of grouped(receiver.told, eventOf)) {
    const promise = load.promised.get(event.split(' ')[0] ?? '');
    if (!promise) findings.push(`told of ${event}, which nobody asked for`);
    else if (told.some((one) => signatureFaults(one, promise.tenant.webhookSecret).length > 0))
      findings.push(`${event} is not signed as it should be`);
    if (new Set(told.map(({ raw }) => raw)).size > 1)
      findings.push(`${event} was told in different words`);
  }
  return findings;
}

async function payments({ load, sandboxUrl, isAlone }: Scene): Promise<string[]> {
  const paid = (await allCalls(sandboxUrl)).filter((call) => call.paid);
  const byKey = grouped(paid, ({ dispatchKey }) => dispatchKey ?? 'no key');
  const twice = [...byKey].filter(([, calls]) => calls.length > 1);
  const isStrange = (key: string) => !load.promised.has(key.split('.')[0] ?? '');
  const strange = isAlone ? [...byKey.keys()].filter(isStrange) : [];
  return [
    ...twice.map(([key, calls]) => `${key} was paid ${calls.length} times`),
    ...strange.map((key) => `${key} was paid, but never accepted`),
  ];
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
