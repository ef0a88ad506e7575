/**
 * One writer's queue per account. Commands on one account are decided one after another against the
 * cached state and appended together: one append for many waiters. A conflict with another
 * process reads on and decides again, and is never reported as a refusal.
 *
 *   queue ──take all──► decide each ──► one unit: [primary, …dependents] ──► resolve each
 *     ▲                    ▲                            │
 *     │                    └──── load ◄── rollback ◄────┤ conflict
 *     │                                                 │ outage: reject these, not the queue
 *     └── one by one, when one of them is invalid ◄─────┘
 *
 * Alone, a writer just appends. After a lost race the account's owner decides, which may be here.
 *
 * A command waits so long as there is progress; without any, each is refused at a time of its own,
 * whether it is in the queue or in a batch that is under way. What a late batch did stays unknown
 * to those who were refused, and is known to whoever asks the same again.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OrganizationId } from '../../contracts/ids.js';
import type * as Account from '../../domain/account/account.js';
import {
  StoreOverloaded,
  StoreUnavailable,
  type AppendOutcome,
  type EventStore,
} from '../../infra/event-store/port.js';
import { AccountStateCache } from './account-state-cache.js';
import {
  decideBatch,
  type AccountResult,
  type Decided,
  type QueuedCommand,
} from './decide-batch.js';
import { mayForget, withRecords } from './movement-records.js';
import type { AccountOwners, Forwarding } from '../account-owner/account-owners.js';

interface Waiting {
  readonly queued: QueuedCommand;
  readonly since: number;
  /** Nobody waits for it any more. */
  isRefused: boolean;
  readonly resolve: (result: AccountResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface AccountWriterOptions {
  readonly store: EventStore;
  /** For accounts to which other processes write as well; without, every race is run. */
  readonly owners: AccountOwners | undefined;
  readonly organizationId: OrganizationId;
  readonly queueMax: number;
  readonly onError: (error: unknown) => void;
}

/** Commands in one unit; more would make the first wait for the last for no gain. */
const BATCH_MAX = 256;
/** So many lost races in a row are no race any more: the account is refused for now. */
const CONFLICTS_MAX = 50;

/** A caller has an answer within two seconds; a store that is away says so a little before. */
const WAIT_MS_MAX = 1_950;
const LOOK_EVERY_MS = 25;

export class AccountWriter {
  private readonly cache: AccountStateCache;
  private readonly queue: Waiting[] = [];
  /** So many of the first in the queue go one by one, because one of them is invalid. */
  private singly = 0;
  private conflicts = 0;
  /** Batches that the account's owner has not answered. */
  private forwarded = 0;
  private isRunning = false;
  private underWay: readonly Waiting[] = [];
  private progressAt = 0;

  constructor(private readonly options: AccountWriterOptions) {
    this.cache = new AccountStateCache(options);
  }

  get idle(): boolean {
    return !this.isRunning && this.queue.length === 0 && this.forwarded === 0;
  }

  submit(queued: QueuedCommand): Promise<AccountResult> {
    if (this.queue.length >= this.options.queueMax)
      throw new StoreOverloaded('too many commands wait for this account');
    return new Promise((resolve, reject) => {
      const since = performance.now();
      this.queue.push({ queued, since, isRefused: false, resolve, reject });
      if (!this.isRunning) void this.run();
    });
  }

  /** Never rejects: every failure reaches the commands that it concerns. */
  private async run(): Promise<void> {
    this.isRunning = true;
    const watch = setInterval(() => this.refuseLate(), LOOK_EVERY_MS);
    // Everything that was submitted in this turn of the event loop goes into the first unit.
    await nextTurn();
    while (this.queue.length > 0) {
      const batch = this.takeBatch();
      const forwarding = this.forward(batch);
      if (forwarding) await Promise.race([forwarding.settled, forwarding.overdue]);
      else if (batch.length > 0) await this.write(batch);
    }
    clearInterval(watch);
    this.isRunning = false;
  }

  /** Those that have waited for too long since anything of this account was settled. */
  private refuseLate(): void {
    const before = performance.now() - WAIT_MS_MAX;
    if (this.progressAt > before) return;
    for (const one of [...this.underWay, ...this.queue])
      if (one.since < before && !one.isRefused) {
        one.isRefused = true;
        one.reject(new StoreUnavailable('the event store did not answer in time'));
      }
  }

  /** The first of the queue, but for those that nobody waits for any more. */
  private takeBatch(): readonly Waiting[] {
    const taken = this.queue.splice(0, this.batchMax);
    const now = performance.now();
    const isLate = ({ isRefused, queued: { decideBefore } }: Waiting) =>
      isRefused || (decideBefore !== undefined && decideBefore < now);
    if (!taken.some(isLate)) return taken;
    const batch = taken.filter((one) => !isLate(one));
    const error = new StoreUnavailable('the account owner was too busy');
    for (const one of taken) if (isLate(one)) one.reject(error);
    this.singly = Math.max(0, this.singly - (taken.length - batch.length));
    return batch;
  }

  /**
   * A large batch takes longer, and loses every race against a small one: so it becomes smaller
   * with each, until the other has lost one and knows that it is not alone.
   */
  private get batchMax(): number {
    return this.singly > 0 ? 1 : Math.max(1, BATCH_MAX >> Math.min(this.conflicts, 16));
  }

  /** Undefined when they are to be decided here. Those that come back undecided queue again. */
  private forward(batch: readonly Waiting[]): Forwarding | undefined {
    const commands = batch.map(({ queued }) => queued);
    const forwarding = this.options.owners?.forward(this.cache.stream, commands);
    if (!forwarding) return undefined;
    this.conflicts = 0;
    this.forwarded++;
    const settled = forwarding.settled.then((outcomes = []) => {
      this.forwarded--;
      outcomes.forEach((one, index) => {
        if ('error' in one) batch[index]?.reject(one.error);
        else batch[index]?.resolve(one.result);
      });
      this.queue.unshift(...batch.slice(outcomes.length));
      if (!this.isRunning && this.queue.length > 0) void this.run();
      return outcomes;
    });
    return { settled, overdue: forwarding.overdue };
  }

  private async write(batch: readonly Waiting[]): Promise<void> {
    this.underWay = batch;
    try {
      const settled = await this.settle(batch);
      this.singly = Math.max(0, this.singly - settled);
      this.queue.unshift(...batch.slice(settled));
    } catch (error) {
      this.fail(batch, error);
    }
    this.underWay = [];
  }

  private fail(batch: readonly Waiting[], error: unknown): void {
    // What landed is unknown, so the log must be asked.
    this.cache.rollback();
    this.cache.invalidate();
    this.conflicts = 0;
    const isOutage = error instanceof StoreUnavailable || error instanceof StoreOverloaded;
    if (isOutage || batch.length === 1) {
      this.singly = Math.max(0, this.singly - batch.length);
      for (const { reject } of batch) reject(error);
      return;
    }
    this.queue.unshift(...batch);
    this.singly = batch.length;
  }

  /** Answers how many of the batch, from its beginning, are settled; none after a conflict. */
  private async settle(batch: readonly Waiting[]): Promise<number> {
    const { cache } = this;
    const state = await cache.load();
    const queued = batch.map((one) => one.queued);
    const commands = mayForget(state, queued)
      ? await withRecords(this.options.store, state, queued)
      : queued;
    cache.begin();
    const decided = decideBatch(state, cache.stream, cache.revision, commands);
    const outcomes = await this.land(decided, state);
    if (!outcomes) {
      this.options.owners?.raceLost(cache.stream);
      if (++this.conflicts < CONFLICTS_MAX) return 0;
      throw new StoreOverloaded('this account is written to by too many at once');
    }
    this.conflicts = 0;
    this.progressAt = performance.now();
    const { results } = decided;
    results.forEach((resultOf, index) => batch[index]?.resolve(resultOf(outcomes)));
    return results.length;
  }

  /** The outcomes of the dependent appends; undefined when the log had gone on. */
  private async land(
    { primary, dependents, payloads }: Decided,
    state: Account.State,
  ): Promise<readonly AppendOutcome[] | undefined> {
    const { cache } = this;
    if (!primary) return (await this.isCurrent(state)) ? [] : undefined;
    const [outcome, ...dependentOutcomes] = await this.options.store.append({
      appends: [primary, ...dependents],
      ...(payloads.length > 0 && { payloads }),
    });
    if (outcome?.status === 'appended') {
      cache.commit(primary.events);
      return dependentOutcomes;
    }
    cache.rollback();
    cache.invalidate();
    if (outcome?.status === 'conflict' && outcome.actualRevision < cache.revision) cache.evict();
    return undefined;
  }

  /**
   * An append that lands proves that it was decided on the newest state. Where nothing is appended,
   * a look at the log must prove it, or a refusal could be an old one.
   */
  private async isCurrent(decidedOn: Account.State): Promise<boolean> {
    const { cache } = this;
    const { revision } = cache;
    cache.rollback();
    cache.invalidate();
    return (await cache.load()) === decidedOn && cache.revision === revision;
  }
}
