/** What both files of specs say to the client. */
import { randomUUID } from 'node:crypto';
import {
  jsonEvent,
  type AllStreamResolvedEvent,
  type EventStoreDBClient,
  type Position,
} from '@eventstore/db-client';

type Json = Readonly<Record<string, string | number>>;

export const newStream = (): string => `s${randomUUID().replaceAll('-', '')}`;

export const newEvent = (type: string, data: Json = {}, metadata?: Json) =>
  jsonEvent({ id: randomUUID(), type, data, ...(metadata && { metadata }) });

export async function readAllOf<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const item of stream) read.push(item);
  return read;
}

export async function revisionsOf(
  client: EventStoreDBClient,
  stream: string,
  options: Parameters<EventStoreDBClient['readStream']>[1] = {},
): Promise<bigint[]> {
  const events = await readAllOf(client.readStream(stream, options));
  return events.map(({ event }) => event?.revision ?? -1n);
}

export function positionOf(resolved: AllStreamResolvedEvent | undefined): Position {
  const position = resolved?.event?.position;
  if (!position) throw new Error('the event has a position');
  return position;
}

/** What a client's error says of itself, as far as specs ask for it. */
export interface ClientError extends Error {
  readonly type?: string;
  readonly code?: number;
  readonly expectedVersion?: unknown;
  readonly actualVersion?: unknown;
  readonly maxAppendSize?: number;
  readonly leader?: unknown;
}

export async function errorOf(work: Promise<unknown>): Promise<ClientError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as ClientError,
  );
}
