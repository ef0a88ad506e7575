/** What every app is given: the opened infrastructure. Apps are functions from this to workers. */
import type { Pool } from 'pg';
import type { AccountStates } from '../command-handling/accounts/account-states.js';
import type { Accounts } from '../command-handling/accounts/accounts.js';
import type { DownloadLog } from '../command-handling/download-log.js';
import type { PriceBook } from '../command-handling/price-book.js';
import type { Repositories } from '../command-handling/repositories.js';
import type { WebhookDirectory } from '../command-handling/webhook-directory.js';
import type { Config } from '../infra/config/config.js';
import type { CatalogueHolder } from '../providers/catalogue/catalogue-holder.js';
import type { CachedDataKeys } from '../infra/data-keys/port.js';
import type { EventBus } from '../infra/event-bus/port.js';
import type { EventStore, Position } from '../infra/event-store/port.js';
import type { FileStore } from '../infra/files/port.js';
import type { PostedFiles } from '../infra/files/posted-files.js';
import type { Exports } from '../infra/exports/port.js';
import type { KeyUses } from '../infra/key-uses.js';
import type { LimitShares } from '../infra/limit-shares/port.js';
import type { SlotShares } from '../infra/slot-shares/port.js';
import type { RequestLimits } from '../infra/request-limits/port.js';
import type { Tracing } from '../infra/tracing/port.js';
import type { Leases } from '../infra/leases/port.js';
import type { Log } from '../infra/logger.js';
import type { Metrics } from '../infra/metrics.js';
import type { Outbound } from '../http/client/outbound.js';
import type { LargePayloads } from '../infra/payloads/port.js';
import type { RecentPayloads } from '../infra/payloads/recent.js';
import type { Providers } from '../providers/port.js';
import type { ProofStore } from '../infra/proof-store/port.js';
import type { ProjectionProgress } from '../infra/read-store/progress.js';
import type { TenantReads } from '../infra/read-store/tenant-reads.js';
import type { OrganizationQuotas } from '../infra/read-store/quotas.js';
import type { StoredBytes } from '../infra/read-store/stored-bytes.js';
import type { Secrets } from '../infra/secrets.js';
import type { ProcessReports } from '../infra/process-reports/postgres.js';
import type { WaitingExecutions } from '../infra/waiting-executions/port.js';
import type { Worker } from '../infra/worker.js';
import type { Addresses } from './addresses.js';

export interface Infra extends Repositories {
  readonly config: Config;
  readonly addresses: Addresses;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: EventStore;
  readonly bus: EventBus;
  /** For groups of rare events, which are read from the log itself. */
  readonly logBus: EventBus;
  /** Under which the contents of organizations are stored. */
  readonly dataKeys: CachedDataKeys;
  readonly payloads: RecentPayloads;
  readonly files: FileStore;
  /** Undefined where callers upload through us alone. */
  readonly postedFiles: PostedFiles | undefined;
  /** Who reads which file. */
  readonly downloadLog: DownloadLog;
  /** The large ones of `payloads`, for sweeping. */
  readonly largePayloads: LargePayloads;
  readonly catalogue: CatalogueHolder;
  /** At which prices executions were accepted. */
  readonly prices: PriceBook;
  readonly providers: Providers;
  /** Calls to addresses that callers named: webhooks. */
  readonly outbound: Outbound;
  /** Downloads of outputs from where providers say they lie. */
  readonly downloads: Outbound;
  /** When API keys were last used. */
  readonly keyUses: KeyUses;
  readonly leases: Leases;
  readonly waiting: WaitingExecutions;
  /** What this process may use of the limits of provider accounts. */
  readonly limitShares: LimitShares;
  /** What this process may use of the slots of providers; none in the only process. */
  readonly slotShares: SlotShares | undefined;
  /** What the processes together have spent of limits of requests; none in the only process. */
  readonly requestLimits: RequestLimits | undefined;
  readonly reports: ProcessReports;
  readonly accounts: Accounts;
  /** Endpoints and secrets of organizations, for whoever delivers. */
  readonly webhooks: WebhookDirectory;
  readonly accountStates: AccountStates;
  /** Undefined where nobody wants traces. */
  readonly tracing: Tracing | undefined;
  readonly secrets: Secrets;
  /** The tree over the log, and what was signed of it. */
  readonly proofs: ProofStore;
  /** The 32 bytes of the private key that signs checkpoints and exports. */
  readonly checkpointKey: Buffer;
  /** Names this process among the living: holder of leases. */
  readonly instance: string;
  /**
   * Set in the only process over its data: what was begun up to here was begun by a process that is
   * gone, so it need not wait for its deadline.
   */
  readonly beganBefore: Position | undefined;
  /** Where the read models live; nothing is decided on them. Answers within two seconds. */
  readonly readStore: Pool;
  /** The same, for what callers ask: shared fairly, and bounded in time. */
  readonly reads: TenantReads;
  /** For the projectors, whose transactions may take longer than a caller waits. */
  readonly projecting: Pool;
  /** For rebuilds. */
  readonly rebuilding: Pool;
  /** For exports, which read much and may wait. */
  readonly exporting: Pool;
  /** Continuous exports, and how far each is. */
  readonly exports: Exports;
  /** What organizations may have, and what they have stored. */
  readonly quotas: OrganizationQuotas;
  readonly storedBytes: StoredBytes;
  /** How far the projections are: waited for by readers, announced by projectors. */
  readonly progress: ProjectionProgress;
  /** Carries events from the store to the bus, where the bus is not the store itself. */
  readonly relay: Worker | undefined;
  /** What must answer before this process may be sent requests. */
  readonly dependencies: readonly Dependency[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Dependency {
  readonly name: string;
  /** Throws when it does not answer. */
  check(): Promise<void>;
}
