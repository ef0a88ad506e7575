/**
 * One writer's queue per account. Commands on one account are decided one after another against the
 * state in memory and appended together: one append for many waiters. A conflict with another
 * process re-reads and decides again, and is never reported as a refusal.
 *
 *   queue ──take all──► decide each ──► one unit: [account append, …followers] ──► answer each
 *     ▲                                                     │ conflict: read on, decide again
 *     └── waits while a unit is in flight ◄─────────────────┘
 */
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import * as AccountSnapshot from '../../domain/account/snapshot.js';
import {
  NO_STREAM,
  StoreOverloaded,
  StoreUnavailable,
  type AppendOutcome,
  type EventStore,
  type Payload,
  type StreamAppend,
} from '../event-store/port.js';
import { appendOf, type Cause } from './transact.js';

/** What rides behind an accepted command: appended only if the account's append lands. */
export interface Follow {
  readonly append: StreamAppend;
  readonly payload?: Payload;
}

export interface Ticket {
  readonly command: Account.Command;
  readonly cause: Cause;
  /** Asked for anew each time the command is decided. */
  readonly follow?: () => Follow;
}

export type AccountResult =
  | { readonly outcome: 'accepted'; readonly followed: AppendOutcome | undefined }
  /** `hold` is the one that stands, for a `PlaceHold`. */
  | { readonly outcome: 'alreadyDone'; readonly hold: Account.Hold | undefined }
  | {
      readonly outcome: 'rejected';
      readonly reason: Account.Rejection;
      /** The one that stands in the way of a `PlaceHold`, if one does. */
      readonly hold: Account.Hold | undefined;
    };

interface Waiting {
  readonly ticket: Ticket;
  readonly resolve: (result: AccountResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface AccountWriterOptions {
  readonly store: EventStore;
  readonly organizationId: OrganizationId;
  readonly queueMax: number;
  readonly onError: (error: unknown) => void;
}

/** Tickets in one unit; more would make the first wait for the last for no gain. */
const BATCH_MAX = 256;
const CONFLICTS_MAX = 50;
/** A cold start then reads at most this many events and one unit's more. */
const SNAPSHOT_EVERY = 1000;
const SNAPSHOT_READ_MAX = 500;

export class AccountWriter {
  private readonly stream: StreamName;
  private readonly queue: Waiting[] = [];
  private state: Account.State | undefined;
  private revision = NO_STREAM;
  private snapshotRevision = NO_STREAM;
  private running = false;

  constructor(private readonly options: AccountWriterOptions) {
    this.stream = streamOf('account', options.organizationId);
  }

  get idle(): boolean {
    return !this.running && this.queue.length === 0;
  }

  submit(ticket: Ticket): Promise<AccountResult> {
    if (this.queue.length >= this.options.queueMax)
      throw new StoreOverloaded('too many commands wait for this account');
    return new Promise((resolve, reject) => {
      this.queue.push({ ticket, resolve, reject });
      if (!this.running) void this.run();
    });
  }

  /** Never rejects: every failure reaches the tickets that it concerns. */
  private async run(): Promise<void> {
    this.running = true;
    // Everything that was submitted in this turn of the event loop goes into the first unit.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0, BATCH_MAX);
      try {
        await this.settle(batch);
      } catch (error) {
        // What landed is unknown, so what is known of the account is forgotten.
        this.state = undefined;
        for (const { reject } of batch) reject(error);
      }
    }
    this.running = false;
  }

  private async settle(batch: readonly Waiting[]): Promise<void> {
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
      const state = await this.readOn();
      const decided = decideAll(state, this.stream, this.revision, batch);
      const outcomes = await this.land(decided);
      if (outcomes === 'conflict') {
        this.state = undefined;
        continue;
      }
      this.revision += decided.events.length;
      batch.forEach(({ resolve }, index) => {
        const answer = decided.answers[index];
        if (answer) resolve(answer(outcomes));
      });
      this.snapshotIfDue();
      return;
    }
    throw new StoreUnavailable('this account is written to by too many at once');
  }

  private async land(decided: Decided): Promise<readonly AppendOutcome[] | 'conflict'> {
    const { lead, followers, payloads } = decided;
    if (!lead) return (await this.isCurrent()) ? [] : 'conflict';
    const outcomes = await this.options.store.append({
      appends: [lead, ...followers],
      ...(payloads.length > 0 && { payloads }),
    });
    return outcomes[0]?.status === 'appended' ? outcomes.slice(1) : 'conflict';
  }

  /**
   * An append that lands proves that what was decided was decided on the newest state. Where nothing
   * is appended, a look at the log must prove it, or a refusal could be an old one.
   */
  private async isCurrent(): Promise<boolean> {
    const next = { fromRevision: this.revision + 1, limit: 1 };
    return (await this.options.store.readStream(this.stream, next)).length === 0;
  }

  /** The state as the log has it, from memory when nobody else wrote. */
  private async readOn(): Promise<Account.State> {
    if (this.state) return this.state;
    const { store } = this.options;
    const snapshot = await store.readSnapshot(this.stream);
    const usable = snapshot?.version === AccountSnapshot.version ? snapshot : undefined;
    let state = usable ? AccountSnapshot.read(usable.state) : Account.initial();
    this.revision = usable?.revision ?? NO_STREAM;
    this.snapshotRevision = this.revision;
    for (;;) {
      const page = await store.readStream(this.stream, {
        fromRevision: this.revision + 1,
        limit: SNAPSHOT_READ_MAX,
      });
      for (const event of page) state = Account.evolve(state, event as unknown as Account.Event);
      this.revision = page.at(-1)?.revision ?? this.revision;
      if (page.length < SNAPSHOT_READ_MAX) break;
    }
    this.state = state;
    return state;
  }

  private snapshotIfDue(): void {
    const { state, revision } = this;
    if (!state || revision - this.snapshotRevision < SNAPSHOT_EVERY) return;
    this.snapshotRevision = revision;
    const { version, write } = AccountSnapshot;
    this.options.store
      .writeSnapshot(this.stream, { revision, version, state: write(state) })
      .catch(this.options.onError);
  }
}

interface Decided {
  readonly lead: StreamAppend | undefined;
  readonly events: readonly Account.Event[];
  readonly followers: readonly StreamAppend[];
  readonly payloads: readonly Payload[];
  readonly answers: readonly ((followed: readonly AppendOutcome[]) => AccountResult)[];
}

/** Evolves `state` as it decides; a unit that does not land makes the writer forget the state. */
function decideAll(
  state: Account.State,
  stream: StreamName,
  revision: number,
  batch: readonly Waiting[],
): Decided {
  const events: Account.Event[] = [];
  const appended: StreamAppend['events'][number][] = [];
  const followers: StreamAppend[] = [];
  const payloads: Payload[] = [];
  const answers = batch.map(({ ticket }) => {
    const decision = Account.decide(state, ticket.command);
    if (decision.kind === 'rejected') {
      const hold = standingHold(state, ticket);
      const result: AccountResult = { outcome: 'rejected', reason: decision.reason, hold };
      return () => result;
    }
    if (decision.kind === 'alreadyDone') {
      const result: AccountResult = { outcome: 'alreadyDone', hold: standingHold(state, ticket) };
      return () => result;
    }
    const at = revision + events.length;
    appended.push(...appendOf(stream, at, decision.events, ticket.cause).events);
    for (const event of decision.events) {
      events.push(event);
      Account.evolve(state, event);
    }
    const follow = ticket.follow?.();
    if (!follow) return (): AccountResult => ({ outcome: 'accepted', followed: undefined });
    const index = followers.push(follow.append) - 1;
    if (follow.payload) payloads.push(follow.payload);
    return (outcomes: readonly AppendOutcome[]): AccountResult => ({
      outcome: 'accepted',
      followed: outcomes[index],
    });
  });
  const lead = appended.length
    ? { stream, expectedRevision: revision, events: appended }
    : undefined;
  return { lead, events, followers, payloads, answers };
}

const standingHold = (state: Account.State, { command }: Ticket): Account.Hold | undefined =>
  command.type === 'PlaceHold'
    ? Account.openHold(state, command.executionId, command.generation)
    : undefined;
