/**
 * One writer's queue per account. Commands on one account are decided one after another against the
 * cached state and appended together: one append for many waiters. A conflict with another
 * process reads on and decides again, and is never reported as a refusal.
 *
 *   queue ──take all──► decide each ──► one unit: [primary, …dependents] ──► resolve each
 *     ▲                    ▲                  │         │
 *     │                    │                  └── the primary one landed: the next batch
 *     │                    └──── load ◄── rollback ◄────┤ conflict
 *     │                                                 │ outage: reject these, not the queue
 *     └── one by one, when one of them is invalid ◄─────┘
 *
 * Where the store appends streams apart, the next batch is decided while dependent appends of the
 * last ones are under way. What was refused, or had been done, may be due to these, and is answered
 * when they have ended.
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
  type StreamAppend,
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
  /** Batches that are not answered. */
  private readonly underWay = new Set<readonly Waiting[]>();
  /** Pending while dependent appends of earlier units are under way; never rejects. */
  private finishing: Promise<void> | undefined;
  private progressAt = 0;

  constructor(private readonly options: AccountWriterOptions) {
    this.cache = new AccountStateCache(options);
  }

  get idle(): boolean {
    const isQuiet = this.forwarded === 0 && this.underWay.size === 0;
    return isQuiet && !this.isRunning && this.queue.length === 0;
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
    for (const one of [...this.underWay, this.queue].flat())
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
    this.underWay.add(batch);
    try {
      const settled = await this.settle(batch);
      this.singly = Math.max(0, this.singly - settled);
      this.queue.unshift(...batch.slice(settled));
    } catch (error) {
      this.fail(batch, error);
    }
    this.underWay.delete(batch);
  }

  private fail(batch: readonly Waiting[], error: unknown): void {
    // What landed is unknown, so the log must be asked.
    this.cache.rollback();
    this.cache.invalidate();
    this.conflicts = 0;
    if (isOutage(error) || batch.length === 1) {
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
    const landed = await this.land(decided, state);
    if (!landed) {
      this.options.owners?.raceLost(cache.stream);
      if (++this.conflicts < CONFLICTS_MAX) return 0;
      throw new StoreOverloaded('this account is written to by too many at once');
    }
    this.conflicts = 0;
    this.progressAt = performance.now();
    const settled = batch.slice(0, decided.results.length);
    if (landed.dependents && !this.finishing)
      resolveAll(settled, decided.results, landed.dependents);
    else this.answerLater(settled, decided.results, landed);
    return settled.length;
  }

  private answerLater(
    batch: readonly Waiting[],
    results: Decided['results'],
    landed: Landed,
  ): void {
    this.underWay.add(batch);
    const finishing = this.answer(batch, results, landed, this.finishing).finally(() => {
      this.underWay.delete(batch);
      if (this.finishing === finishing) this.finishing = undefined;
    });
    this.finishing = finishing;
  }

  private async answer(
    batch: readonly Waiting[],
    results: Decided['results'],
    { dependents, all }: Landed,
    earlier: Promise<void> | undefined,
  ): Promise<void> {
    try {
      const outcomes = dependents ?? (await all).slice(1);
      this.progressAt = performance.now();
      resolveAll(batch, results, outcomes, 'accepted');
      await earlier;
      resolveAll(batch, results, outcomes);
    } catch (error) {
      // The account is as it was decided; which of the dependent appends landed is unknown.
      if (isOutage(error) || batch.length === 1)
        return batch.forEach(({ reject }) => reject(error));
      this.queue.unshift(...batch);
      this.singly += batch.length;
      if (!this.isRunning) void this.run();
    }
  }

  /** Undefined when the log had gone on. */
  private async land(decided: Decided, state: Account.State): Promise<Landed | undefined> {
    const { cache } = this;
    const { primary } = decided;
    if (!primary) return (await this.isCurrent(state)) ? NOTHING_LANDED : undefined;
    const { all, first } = this.append(primary, decided);
    const outcomes = await first;
    const [outcome, ...dependents] = outcomes ?? [];
    if (!outcomes || outcome?.status === 'appended') {
      cache.commit(primary.events);
      return { all, dependents: outcomes && dependents };
    }
    cache.rollback();
    cache.invalidate();
    if (outcome?.status === 'conflict' && outcome.actualRevision < cache.revision) cache.evict();
    return undefined;
  }

  /** `first`: of all appends, or undefined when the primary one has landed and others have not. */
  private append(primary: StreamAppend, { dependents, payloads }: Decided) {
    let onPrimaryLanded = (): void => undefined;
    const landed = new Promise<undefined>((resolve) => {
      onPrimaryLanded = () => resolve(undefined);
    });
    const all = this.options.store.append({
      appends: [primary, ...dependents],
      ...(payloads.length > 0 && { payloads }),
      isPrimaryPlain: true,
      onPrimaryLanded,
    });
    return { all, first: Promise.race([all, landed]) };
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

interface Landed {
  readonly all: Promise<readonly AppendOutcome[]>;
  /** Their outcomes; undefined while they are under way. */
  readonly dependents: readonly AppendOutcome[] | undefined;
}

const NOTHING_LANDED: Landed = { all: Promise.resolve([]), dependents: [] };

const isOutage = (error: unknown): boolean =>
  error instanceof StoreUnavailable || error instanceof StoreOverloaded;

/** All of them, or those whose outcome is this one. */
function resolveAll(
  batch: readonly Waiting[],
  results: Decided['results'],
  dependents: readonly AppendOutcome[],
  outcome?: AccountResult['outcome'],
): void {
  batch.forEach(({ resolve }, index) => {
    const result = results[index]?.(dependents);
    if (result && (!outcome || result.outcome === outcome)) resolve(result);
  });
}
