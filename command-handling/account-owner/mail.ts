/** Tickets and their answers as text, on their way between processes. */
import { eventSchemas, type AnyEvent } from '../../contracts/events/all.js';
import type { NewEvent } from '../../contracts/events/envelope.js';
import type * as Account from '../../domain/account/account.js';
import {
  StoreOverloaded,
  StoreUnavailable,
  type AppendOutcome,
  type StreamAppend,
} from '../../infra/event-store/port.js';
import type { AccountResult, DependentAppend, QueuedCommand } from '../accounts/decide-batch.js';

export type Settled = { readonly result: AccountResult } | { readonly error: Error };

type Wire = Record<string, unknown>;

interface WrittenFollow {
  readonly append: Wire & { readonly events: readonly (Wire & { readonly data: Wire })[] };
  readonly payload?: { readonly ref: string; readonly organizationId: string; bytes: string };
}

interface WrittenTicket {
  readonly command: Wire;
  readonly metadata: QueuedCommand['metadata'];
  readonly dependent?: WrittenFollow;
}

const COMMAND_MONEY = ['amount', 'cost'];

export function writeTickets(tickets: readonly QueuedCommand[]): string {
  return JSON.stringify(
    tickets.map(({ command, metadata, dependent }): WrittenTicket => {
      const behind = dependent?.();
      return {
        command: withText(command, COMMAND_MONEY),
        metadata,
        ...(behind && { dependent: writtenFollow(behind) }),
      };
    }),
  );
}

/** What follows keeps its ids, however often it is decided: it can land only once. */
export function readTickets(text: string): readonly QueuedCommand[] {
  return (JSON.parse(text) as readonly WrittenTicket[]).map(({ command, metadata, dependent }) => {
    const behind = dependent && readFollow(dependent);
    const money = withMoney(command, COMMAND_MONEY) as unknown as Account.Command;
    return { command: money, metadata, ...(behind && { dependent: () => behind }) };
  });
}

function writtenFollow({ append, payload }: DependentAppend): WrittenFollow {
  const events = append.events.map((event) => ({
    ...event,
    data: withText(event.data, eventSchemas[event.type].money),
  }));
  return {
    append: { ...append, events },
    ...(payload && { payload: { ...payload, bytes: payload.bytes.toString('base64') } }),
  };
}

function readFollow({ append, payload }: WrittenFollow): DependentAppend {
  const events = append.events.map((event) => ({
    ...event,
    data: withMoney(event.data, eventSchemas[event['type'] as AnyEvent['type']].money),
  })) as unknown as readonly NewEvent<AnyEvent>[];
  return {
    append: { ...append, events } as unknown as StreamAppend,
    ...(payload && { payload: { ...payload, bytes: Buffer.from(payload.bytes, 'base64') } }),
  };
}

const withText = (data: object, money: readonly string[]): Wire => {
  const wire: Wire = { ...data };
  for (const field of money)
    if (wire[field] !== undefined) wire[field] = (wire[field] as bigint).toString();
  return wire;
};

const withMoney = (wire: Wire, money: readonly string[]): Wire => {
  for (const field of money)
    if (wire[field] !== undefined) wire[field] = BigInt(wire[field] as string);
  return wire;
};

interface WrittenError {
  readonly error: string;
  readonly message: string;
}

export function writeSettled(settled: Settled): string {
  if ('error' in settled) {
    const { name: error, message } = settled.error;
    return JSON.stringify({ error, message: message.slice(0, 500) } satisfies WrittenError);
  }
  return JSON.stringify(settled.result, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

export function readSettled(written: unknown): Settled {
  if ((written as WrittenError).error) {
    const { error, message } = written as WrittenError;
    if (error === 'StoreUnavailable') return { error: new StoreUnavailable(message) };
    if (error === 'StoreOverloaded') return { error: new StoreOverloaded(message) };
    return { error: Object.assign(new Error(message), { name: error }) };
  }
  const result = written as AccountResult;
  if (result.outcome !== 'accepted')
    return { result: { ...result, hold: result.hold && readHold(result.hold) } };
  const { dependent } = result;
  return { result: { ...result, dependent: dependent && readOutcome(dependent) } };
}

const readHold = (hold: Account.Hold): Account.Hold => ({ ...hold, amount: BigInt(hold.amount) });

const readOutcome = (outcome: AppendOutcome): AppendOutcome =>
  outcome.status === 'appended' ? { ...outcome, position: BigInt(outcome.position) } : outcome;
