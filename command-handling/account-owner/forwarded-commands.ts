/**
 * Forwarded commands and their outcomes as bytes: a line of JSON, and then the payloads' bytes.
 *
 *   {"contracts": …, "stream": …, "token": …, "sender": …, "commands": […]}\n<payload><payload>…
 */
import { createHash } from 'node:crypto';
import { eventSchemas, type AnyEvent } from '../../contracts/events/all.js';
import type { NewEvent } from '../../contracts/events/envelope.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import type * as Account from '../../domain/account/account.js';
import {
  StoreOverloaded,
  StoreUnavailable,
  type AppendOutcome,
  type Payload,
  type StreamAppend,
} from '../../infra/event-store/port.js';
import type { AccountResult, DependentAppend, QueuedCommand } from '../accounts/decide-batch.js';

export interface ForwardedBatch {
  readonly stream: StreamName;
  /** Of the lease under which the receiver decides. */
  readonly token: string;
  /** Names the process that forwards. */
  readonly sender: string;
  readonly commands: readonly QueuedCommand[];
}

/** What became of one forwarded command. */
export type Settled = { readonly result: AccountResult } | { readonly error: Error };

/** Raised when the shape of a forwarded batch or of an account's commands changes. */
const FORMAT = 3;

/** Processes of two releases forward to one another only if their contracts are the same. */
const CONTRACTS = createHash('sha256')
  .update(JSON.stringify([FORMAT, eventSchemas]))
  .digest('base64url');

/** A batch with more bytes of payloads is cut; the rest is not forwarded with it. */
const PAYLOAD_BYTES_MAX = 1024 * 1024;

type Json = Record<string, unknown>;

interface WrittenDependent {
  readonly append: Json & { readonly events: readonly (Json & { readonly data: Json })[] };
  readonly payload?: Omit<Payload, 'bytes'> & { readonly length: number };
}

interface WrittenCommand {
  readonly command: Json;
  readonly metadata: QueuedCommand['metadata'];
  readonly dependent?: WrittenDependent;
}

interface Head extends Omit<ForwardedBatch, 'commands'> {
  readonly contracts: string;
  readonly commands: readonly WrittenCommand[];
}

const MONEY_OF: Readonly<Record<Account.Command['type'], readonly string[]>> = {
  Deposit: ['amount'],
  Adjust: ['amount'],
  PlaceHold: ['amount'],
  CheckHold: ['amount'],
  SettleHold: ['cost'],
  ReleaseHold: [],
  SetSpendingGuard: ['dailyLimit', 'monthlyLimit', 'maxCostPerExecution', 'perMinute'],
  SetBalanceAlert: ['threshold'],
};

/** `count`: so many of the commands, from the first, are in `body`. */
export function writeBatch(batch: ForwardedBatch): {
  readonly body: Buffer;
  readonly count: number;
} {
  const commands: WrittenCommand[] = [];
  const payloads: Buffer[] = [];
  let payloadBytes = 0;
  for (const queued of batch.commands) {
    if (payloadBytes > PAYLOAD_BYTES_MAX) break;
    const dependent = queued.dependent?.();
    commands.push(writtenCommand(queued, dependent));
    if (!dependent?.payload) continue;
    payloads.push(dependent.payload.bytes);
    payloadBytes += dependent.payload.bytes.length;
  }
  const { stream, token, sender } = batch;
  const head: Head = { contracts: CONTRACTS, stream, token, sender, commands };
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...payloads]);
  return { body, count: commands.length };
}

/** Throws when a process of another release, or none of ours, wrote it. */
export function readBatch(body: Buffer): ForwardedBatch {
  const end = body.indexOf('\n');
  const head = JSON.parse(body.toString('utf8', 0, end)) as Head;
  if (head.contracts !== CONTRACTS) throw new Error('the sender has other contracts');
  let at = end + 1;
  const next = (length: number): Buffer => {
    const bytes = body.subarray(at, at + length);
    at += length;
    return bytes;
  };
  const commands = head.commands.map((written) => readCommand(written, next));
  if (at !== body.length) throw new Error('the payloads do not end where the body does');
  const { stream, token, sender } = head;
  const isOfStream = ({ command: { organizationId } }: QueuedCommand) =>
    streamOf('account', organizationId) === stream;
  if (!commands.every(isOfStream)) throw new Error('a command is of another account');
  return { stream, token, sender, commands };
}

function writtenCommand(
  { command, metadata }: QueuedCommand,
  dependent: DependentAppend | undefined,
): WrittenCommand {
  const written = { command: withText(command, MONEY_OF[command.type]), metadata };
  return dependent ? { ...written, dependent: writtenDependent(dependent) } : written;
}

/** The dependent append keeps its ids, however often it is decided: it can land only once. */
function readCommand(
  { command: written, metadata, dependent }: WrittenCommand,
  next: (length: number) => Buffer,
): QueuedCommand {
  const type = written['type'] as Account.Command['type'];
  if (!Object.hasOwn(MONEY_OF, type)) throw new Error('a command of no known type');
  const command = withMoney(written, MONEY_OF[type]) as unknown as Account.Command;
  if (!dependent) return { command, metadata };
  const read = readDependent(dependent, next);
  return { command, metadata, dependent: () => read };
}

function writtenDependent({ append, payload }: DependentAppend): WrittenDependent {
  const events = append.events.map((event) => ({
    ...event,
    data: withText(event.data, eventSchemas[event.type].money),
  }));
  const written = { append: { ...append, events } };
  if (!payload) return written;
  const { ref, organizationId, bytes } = payload;
  return { ...written, payload: { ref, organizationId, length: bytes.length } };
}

function readDependent(
  { append, payload }: WrittenDependent,
  next: (length: number) => Buffer,
): DependentAppend {
  const events = append.events.map((event) => ({
    ...event,
    data: withMoney(event.data, eventSchemas[event['type'] as AnyEvent['type']].money),
  })) as unknown as readonly NewEvent<AnyEvent>[];
  const read = { append: { ...append, events } as unknown as StreamAppend };
  if (!payload) return read;
  const { ref, organizationId, length } = payload;
  return { ...read, payload: { ref, organizationId, bytes: next(length) } };
}

const withText = (data: object, money: readonly string[]): Json => {
  const json: Json = { ...data };
  for (const field of money)
    if (json[field] !== undefined) json[field] = (json[field] as bigint).toString();
  return json;
};

const withMoney = (json: Json, money: readonly string[]): Json => {
  for (const field of money)
    if (json[field] !== undefined) json[field] = BigInt(json[field] as string);
  return json;
};

interface WrittenError {
  readonly error: string;
  readonly message: string;
}

const MESSAGE_MAX = 500;

export const writeSettled = (settled: readonly Settled[]): string =>
  JSON.stringify(settled.map(writtenSettled), (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );

/** Throws when it is not what `writeSettled` writes. */
export const readSettled = (text: string): readonly Settled[] =>
  (JSON.parse(text) as readonly (AccountResult | WrittenError)[]).map(settledOf);

function writtenSettled(settled: Settled): AccountResult | WrittenError {
  if (!('error' in settled)) return settled.result;
  const { name: error, message } = settled.error;
  return { error, message: message.slice(0, MESSAGE_MAX) };
}

function settledOf(written: AccountResult | WrittenError): Settled {
  if ('error' in written) return { error: errorOf(written) };
  if (written.outcome !== 'accepted')
    return { result: { ...written, hold: written.hold && readHold(written.hold) } };
  const { outcome, dependent } = written;
  return { result: { outcome, dependent: dependent && readOutcome(dependent) } };
}

function errorOf({ error, message }: WrittenError): Error {
  if (error === 'StoreUnavailable') return new StoreUnavailable(message);
  if (error === 'StoreOverloaded') return new StoreOverloaded(message);
  return Object.assign(new Error(message), { name: error });
}

const readHold = (hold: Account.Hold): Account.Hold => ({ ...hold, amount: BigInt(hold.amount) });

const readOutcome = (outcome: AppendOutcome): AppendOutcome =>
  outcome.status === 'appended' ? { ...outcome, position: BigInt(outcome.position) } : outcome;
