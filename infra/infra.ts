/** What every app is given: the opened infrastructure. Apps are functions from this to workers. */
import type { Pool } from 'pg';
import type { Accounts } from './deciding/accounts.js';
import type { Config } from './config/config.js';
import type { CatalogueHolder } from './catalogue/catalogue-holder.js';
import type { EventBus } from './event-bus/port.js';
import type { EventStore, Position } from './event-store/port.js';
import type { FileStore } from './files/port.js';
import type { Leases } from './leases/port.js';
import type { Log } from './logger.js';
import type { Metrics } from './metrics.js';
import type { Outbound } from './outbound/outbound.js';
import type { PayloadStore } from './payloads/port.js';
import type { Providers } from './providers/port.js';
import type { Secrets } from './secrets.js';

export interface Infra {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: EventStore;
  readonly bus: EventBus;
  readonly payloads: PayloadStore;
  readonly files: FileStore;
  readonly catalogue: CatalogueHolder;
  readonly providers: Providers;
  /** Calls to addresses that callers named: webhooks. */
  readonly outbound: Outbound;
  /** Downloads of outputs from where providers say they lie. */
  readonly downloads: Outbound;
  readonly leases: Leases;
  readonly accounts: Accounts;
  readonly secrets: Secrets;
  /** Names this process among the living: holder of leases. */
  readonly instance: string;
  /**
   * Set in the only process over its data: what was begun up to here was begun by a process that is
   * gone, so it need not wait for its deadline.
   */
  readonly beganBefore: Position | undefined;
  /** Where the read models live; nothing is decided on them. */
  readonly readStore: Pool;
  /** Carries events from the store to the bus, where the bus is not the store itself. */
  readonly relay: Worker | undefined;
  /** What must answer before this process may be sent requests. */
  readonly dependencies: readonly Dependency[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A piece of an app that runs until the signal aborts; it finishes what it holds and returns. */
export interface Worker {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface Dependency {
  readonly name: string;
  /** Throws when it does not answer. */
  check(): Promise<void>;
}
