/**
 * Both sides of R12.store: appenders of three events each, every append a new stream, over one
 * connection to the same EventStoreDB.
 *
 *   adapter   the event store as the system uses it: schemas checked, time-outs, repeats recognised
 *   client    `appendToStream` of the client's own, awaited
 */
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import pino from 'pino';
import { openEventStoreDb } from '../../infra/event-store/eventstoredb/eventstoredb.js';
import type { AppendUnit } from '../../infra/event-store/port.js';
import type { Appended } from './event-append.js';
import { EVENTS_PER_APPEND, newStream } from './new-stream.js';
import { servePart } from './part.js';
import type { Timed } from './loops.js';

export interface StoreAppendConfig {
  readonly url: string;
  /** Keeps payloads and snapshots, of which there are none here. */
  readonly databaseUrl: string;
  readonly kind: 'adapter' | 'client';
  readonly appenders: number;
}

interface Target {
  append(unit: AppendUnit): Promise<void>;
  close(): Promise<void>;
}

servePart<StoreAppendConfig, null, Timed, Appended>(async (config) => {
  const target = config.kind === 'adapter' ? openAdapter(config) : openClient(config);
  await target.append(newStream());
  return {
    ready: null,
    async answer({ seconds }) {
      const deadline = performance.now() + seconds * 1000;
      let [inTime, events] = [0, 0];
      async function appender(): Promise<void> {
        while (performance.now() < deadline) {
          await target.append(newStream());
          events += EVENTS_PER_APPEND;
          if (performance.now() <= deadline) inTime++;
        }
      }
      await Promise.all(Array.from({ length: config.appenders }, appender));
      return { perSecond: inTime / seconds, events };
    },
    close: () => target.close(),
  };
});

function openAdapter({ url, databaseUrl }: StoreAppendConfig): Target {
  const store = openEventStoreDb({ url, databaseUrl, log: pino({ level: 'silent' }) });
  return {
    async append(unit) {
      const [outcome] = await store.append(unit);
      if (outcome?.status !== 'appended') throw new Error(`append: ${outcome?.status}`);
    },
    close: () => store.close(),
  };
}

function openClient({ url }: StoreAppendConfig): Target {
  const client = EventStoreDBClient.connectionString(url);
  return {
    async append({ appends: [{ stream, events }] }) {
      const written = events.map(({ id, type, data, metadata }) =>
        jsonEvent({ id, type, data: withoutBigints(data), metadata: { ...metadata } }),
      );
      await client.appendToStream(stream, written, { expectedRevision: NO_STREAM });
    },
    close: () => client.dispose(),
  };
}

/** The client writes JSON itself, and a bigint would hang it. */
const withoutBigints = (data: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(data).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? String(value) : (value as unknown),
    ]),
  );
