/** Where events, their small payloads and snapshots lie, as configuration names it. */
import type { Config } from '../infra/config/config.js';
import type { CachedDataKeys } from '../infra/data-keys/port.js';
import type { EventStore } from '../infra/event-store/port.js';
import { openPostgresEventStore } from '../infra/event-store/postgres/postgres.js';
import type { RawLog } from '../infra/event-store/raw-log.js';
import type { Log } from '../infra/logger.js';
import { openPostgresPayloads } from '../infra/payloads/postgres.js';
import type { PayloadStore } from '../infra/payloads/port.js';
import { openSealedPayloads, openSealingStore } from '../infra/payloads/sealed.js';
import { StartError } from '../infra/start-error.js';

/** Counted since the store was opened; `queueUnits` is of now. */
export interface StoreFigures {
  readonly queueUnits: number;
  readonly events: number;
  readonly batches: number;
  readonly unknownTypes: ReadonlyMap<string, number>;
  /** By cause; only of a store that drops subscriptions. */
  readonly subscriptionEnds?: Readonly<Record<string, number>>;
}

export interface Stores {
  readonly store: EventStore;
  /** The same log as text, for moving it to another store. */
  readonly rawLog: RawLog;
  /** Those that ride in a unit, and those of their size. */
  readonly smallPayloads: PayloadStore;
  figures(): StoreFigures;
  close(): Promise<void>;
}

export interface OpenStoresOptions {
  readonly config: Pick<Config, 'eventStoreUrl'>;
  readonly databaseUrl: string;
  readonly log: Log;
  /** Under which payloads are stored. */
  readonly dataKeys: CachedDataKeys;
}

export async function openStores(options: OpenStoresOptions): Promise<Stores> {
  const { config, databaseUrl: url, log, dataKeys } = options;
  if (config.eventStoreUrl) return openDistributed(config.eventStoreUrl, options);
  const store = openPostgresEventStore({ url, log });
  return {
    store: openSealingStore(dataKeys, store),
    rawLog: store.rawLog,
    smallPayloads: openSealedPayloads(dataKeys, openPostgresPayloads(store.smallPayloads)),
    figures: () => {
      const { commit, unknownTypes } = store.stats();
      const { queueUnits, events, batches } = commit;
      return { queueUnits, events, batches, unknownTypes };
    },
    close: () => store.close(),
  };
}

/** Loaded only here, so that one machine pays nothing for it. */
async function openDistributed(
  url: string,
  { databaseUrl, log, dataKeys }: OpenStoresOptions,
): Promise<Stores> {
  const { openEventStoreDb } = await import('../infra/event-store/eventstoredb/eventstoredb.js');
  const store = openOrSay(() => openEventStoreDb({ url, databaseUrl, log }));
  try {
    // The first question also opens the connection, before a burst of appends needs it.
    await store.expectWelcome();
  } catch (error) {
    await store.close();
    throw error;
  }
  return {
    store: openSealingStore(dataKeys, store),
    rawLog: store.rawLog,
    smallPayloads: openSealedPayloads(dataKeys, openPostgresPayloads(store.smallPayloads)),
    figures: () => {
      const { queueUnits, events, appender, unknownTypes, subscription } = store.stats();
      const subscriptionEnds = { slow: subscription.drops, silent: subscription.renewals };
      return { queueUnits, events, batches: appender.appends, unknownTypes, subscriptionEnds };
    },
    close: () => store.close(),
  };
}

function openOrSay<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { message } = error as Error;
    throw new StartError(`EVENTSTORE_URL cannot be used (${message}): check the address.`, {
      cause: error,
    });
  }
}
