/**
 * The cached state of one account: its state at a revision of the log, from a snapshot and the
 * events behind it. A batch is decided on this state itself and rolled back when its append did not
 * land, so that a lost race costs reading what is new, at any size of the state.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import * as AccountSnapshot from '../../domain/account/snapshot.js';
import type { Guard, Scope, Spent } from '../../domain/account/spending.js';
import { NO_STREAM, type EventStore, type Snapshot } from '../../infra/event-store/port.js';
import { recountSpending } from './recount-spending.js';
import { TransactionalMap } from './transactional-map.js';

export interface AccountStateCacheOptions {
  readonly store: EventStore;
  readonly organizationId: OrganizationId;
  readonly onError: (error: unknown) => void;
}

/** A cold start reads about as many events, and those of the batches that were under way. */
const SNAPSHOT_EVERY = 1000;
/** A large state is written less often, so that the writing stays a small part of the work. */
const SNAPSHOT_SHARE = 10;
const READ_MAX = 1000;

/**
 * Versions of a written snapshot: the id of the last event, a newline, the state. Stores keep the
 * newest snapshot of one version, so a snapshot of a log that was exchanged is replaced under the
 * other version.
 */
export const SNAPSHOT_VERSION = 100 + AccountSnapshot.version;
const VERSIONS = [SNAPSHOT_VERSION, 200 + AccountSnapshot.version];
const VERSIONS_BEFORE = VERSIONS.flatMap((one) =>
  AccountSnapshot.versionsBefore.map((before) => one - AccountSnapshot.version + before),
);

/** The state after the event `lastId` at `revision`. */
interface Cached {
  readonly state: TransactionalState;
  revision: number;
  lastId: string;
}

interface TransactionalState extends Account.State {
  readonly holds: TransactionalMap<string, Account.Hold>;
  readonly deposits: TransactionalMap<string, bigint>;
  readonly adjustments: TransactionalMap<string, bigint>;
  readonly spent: TransactionalMap<Scope, Spent>;
  readonly guards: TransactionalMap<Scope, Guard>;
}

/** What a rollback restores beside the maps. */
type Amounts = Pick<Account.State, 'available' | 'held' | 'alert'>;

export class AccountStateCache {
  readonly stream: StreamName;
  private cached: Cached | undefined;
  /** The log may have events behind the cached state. */
  private isStale = false;
  private amountsBefore: Amounts | undefined;
  private isSnapshotting = false;
  private version = SNAPSHOT_VERSION;

  constructor(private readonly options: AccountStateCacheOptions) {
    this.stream = streamOf(Account.category, options.organizationId);
  }

  get revision(): number {
    return this.cached?.revision ?? NO_STREAM;
  }

  /** Another process may have appended. */
  invalidate(): void {
    this.isStale = true;
  }

  /** The log ends before the cached state: the log was replaced by an earlier copy of it. */
  evict(): void {
    this.cached = undefined;
  }

  /** The state as the log has it; nothing is read while the cached state is not stale. */
  async load(): Promise<Account.State> {
    const cached = (this.cached ??= await this.start());
    const from = cached.revision;
    while (this.isStale) {
      const next = { fromRevision: cached.revision + 1, limit: READ_MAX };
      this.isStale = (await this.readPage(cached, next)) === READ_MAX;
    }
    // The next cold start is spared the reading, also when nothing is appended.
    if (cached.revision - from > 2 * snapshotStep(cached.state)) this.writeSnapshot();
    return cached.state;
  }

  /** Changes of the state from here on are kept by `commit` and undone by `rollback`. */
  begin(): void {
    const { state } = this.cached ?? {};
    if (!state) throw new Error('an account is decided on that was not loaded');
    for (const map of mapsOf(state)) map.begin();
    const { available, held, alert } = state;
    this.amountsBefore = { available, held, alert };
  }

  rollback(): void {
    const { cached, amountsBefore } = this;
    this.amountsBefore = undefined;
    if (!cached || !amountsBefore) return;
    for (const map of mapsOf(cached.state)) map.rollback();
    Object.assign(cached.state, amountsBefore);
  }

  /** The events that were decided since `begin` are in the log. */
  commit(events: readonly { readonly id: string }[]): void {
    const { cached } = this;
    const last = events.at(-1);
    if (!cached || !last) return;
    for (const map of mapsOf(cached.state)) map.commit();
    this.amountsBefore = undefined;
    const before = cached.revision;
    cached.revision += events.length;
    cached.lastId = last.id;
    // Of all processes, the one whose append passes the mark writes the snapshot.
    const step = snapshotStep(cached.state);
    if (Math.floor(cached.revision / step) > Math.floor(before / step)) this.writeSnapshot();
  }

  private async readPage(
    cached: Cached,
    page: { readonly fromRevision: number; readonly limit: number },
  ): Promise<number> {
    const events = await this.options.store.readStream(this.stream, page);
    for (const event of events) Account.evolve(cached.state, event as unknown as Account.Event);
    const last = events.at(-1);
    if (last) Object.assign(cached, { revision: last.revision, lastId: last.id });
    return events.length;
  }

  private async start(): Promise<Cached> {
    this.isStale = true;
    const snapshot = await this.options.store.readSnapshot(this.stream);
    const cached = snapshot && (await this.readFrom(snapshot));
    if (cached && (await this.isOfThisLog(cached))) {
      const { store } = this.options;
      if (VERSIONS_BEFORE.includes(snapshot.version))
        await recountSpending(store, this.stream, cached.state, cached.revision);
      return cached;
    }
    this.version = VERSIONS.find((one) => one !== snapshot?.version) ?? this.version;
    return { state: emptyState(), revision: NO_STREAM, lastId: '' };
  }

  /** A store restored from a copy may end before the snapshot, or have gone on differently. */
  private async isOfThisLog({ revision, lastId }: Cached): Promise<boolean> {
    const at = { fromRevision: revision, limit: 1 };
    const [event] = await this.options.store.readStream(this.stream, at);
    return event?.id === lastId;
  }

  /** A snapshot is a cache: one that cannot be read is reported, and the log read instead. */
  private async readFrom({
    revision,
    version,
    state: text,
  }: Snapshot): Promise<Cached | undefined> {
    if (![...VERSIONS, ...VERSIONS_BEFORE].includes(version)) return undefined;
    if (VERSIONS.includes(version)) this.version = version;
    const state = emptyState();
    try {
      const [lastId = ''] = /^[^\n]*(?=\n)/.exec(text) ?? [];
      if (lastId === '') throw new Error('the snapshot does not name its last event');
      for (let at = lastId.length + 1, end; at < text.length; at = end + 1) {
        end = text.indexOf('\n', at);
        if (end < 0) end = text.length;
        AccountSnapshot.readPart(state, text.slice(at, end));
        await nextTurn();
      }
      return { state, revision, lastId };
    } catch (error) {
      this.options.onError(error);
      return undefined;
    }
  }

  /** In the background, a part a turn of the event loop: commands go on meanwhile. */
  private writeSnapshot(): void {
    if (!this.cached || this.isSnapshotting) return;
    const { state, revision, lastId } = this.cached;
    const parts = AccountSnapshot.parts(state);
    this.isSnapshotting = true;
    textOf(lastId, parts)
      .then((text) =>
        this.options.store.writeSnapshot(this.stream, {
          revision,
          version: this.version,
          state: text,
        }),
      )
      .catch(this.options.onError)
      .finally(() => (this.isSnapshotting = false));
  }
}

/** As bytes: a text of many megabytes would be encoded at once when it is sent. */
async function textOf(lastId: string, parts: Iterable<string>): Promise<Buffer> {
  const chunks = [Buffer.from(lastId)];
  for (const part of parts) {
    chunks.push(Buffer.from(`\n${part}`));
    await nextTurn();
  }
  return Buffer.concat(chunks);
}

/** Only the newest deposits and adjustments are kept, so these maps have an order. */
const emptyState = (): TransactionalState => ({
  ...Account.initial(),
  holds: new TransactionalMap(),
  deposits: new TransactionalMap([], true),
  adjustments: new TransactionalMap([], true),
  spent: new TransactionalMap(),
  guards: new TransactionalMap(),
});

const mapsOf = ({ holds, deposits, adjustments, spent, guards }: TransactionalState) => [
  holds,
  deposits,
  adjustments,
  spent,
  guards,
];

/** A power of two: processes whose cached states are of nearly one size have the same step. */
function snapshotStep({ holds, deposits, adjustments }: Account.State): number {
  const size = holds.size + deposits.size + adjustments.size;
  let step = SNAPSHOT_EVERY;
  while (step * SNAPSHOT_SHARE < size) step *= 2;
  return step;
}
