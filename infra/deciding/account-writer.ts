/**
 * One writer's queue per account. Commands on one account are decided one after another against the
 * state in memory and appended together: one append for many waiters. A conflict with another
 * process reads on and decides again, and is never reported as a refusal.
 *
 *   queue ──take all──► decide each ──► one unit: [account append, …followers] ──► answer each
 *     ▲                    ▲                                  │ conflict: read on
 *     │                    └──────────────────────────────────┤
 *     │                                                       │ outage: reject everybody who waits
 *     └── one by one, when one of them spoils the unit ◄──────┘
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
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
  type Snapshot,
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
/** What rides along in one unit, but for the payload that passes this bound. */
const UNIT_PAYLOAD_BYTES_MAX = 1024 * 1024;
/** So many lost races in a row are no race any more: the account is refused for now. */
const CONFLICTS_MAX = 50;
/** After a lost race so many units are decided on a copy, so that the next loss costs no reload. */
const WARY_UNITS = 100;
/** A cold start then reads at most this many events and one unit's more (see `snapshotIfDue`). */
const SNAPSHOT_EVERY = 1000;
const READ_MAX = 500;

export class AccountWriter {
  private readonly stream: StreamName;
  private readonly queue: Waiting[] = [];
  /** The log up to `revision`. Undefined while it is ahead of the log, or is not known. */
  private state: Account.State | undefined;
  private revision = NO_STREAM;
  /** The log may go on behind `revision`. */
  private isBehind = false;
  private waryUnits = 0;
  /** So many of the first in the queue go one by one, because one of them is poison. */
  private singly = 0;
  private snapshotRevision = NO_STREAM;
  private isSnapshotting = false;
  private isRunning = false;

  constructor(private readonly options: AccountWriterOptions) {
    this.stream = streamOf(Account.category, options.organizationId);
  }

  get idle(): boolean {
    return !this.isRunning && this.queue.length === 0;
  }

  submit(ticket: Ticket): Promise<AccountResult> {
    if (this.queue.length >= this.options.queueMax)
      throw new StoreOverloaded('too many commands wait for this account');
    return new Promise((resolve, reject) => {
      this.queue.push({ ticket, resolve, reject });
      if (!this.isRunning) void this.run();
    });
  }

  /** Never rejects: every failure reaches the tickets that it concerns. */
  private async run(): Promise<void> {
    this.isRunning = true;
    // Everything that was submitted in this turn of the event loop goes into the first unit.
    await nextTurn();
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0, this.singly > 0 ? 1 : BATCH_MAX);
      try {
        const settled = await this.settle(batch);
        this.singly = Math.max(0, this.singly - settled);
        this.queue.unshift(...batch.slice(settled));
      } catch (error) {
        this.fail(batch, error);
      }
    }
    this.isRunning = false;
  }

  private fail(batch: readonly Waiting[], error: unknown): void {
    // What landed is unknown, so the log must be asked.
    this.isBehind = true;
    const isOutage = error instanceof StoreUnavailable;
    if (isOutage || error instanceof StoreOverloaded || batch.length === 1) {
      this.singly = Math.max(0, this.singly - batch.length);
      for (const { reject } of batch) reject(error);
      if (!isOutage) return;
      // Each unit would find the store away in its own time, and the last wait for all of them.
      for (const { reject } of this.queue.splice(0)) reject(error);
      this.singly = 0;
      return;
    }
    this.queue.unshift(...batch);
    this.singly = batch.length;
  }

  /** Answers how many of the batch, from its beginning, have been settled. */
  private async settle(batch: readonly Waiting[]): Promise<number> {
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
      const known = await this.readOn();
      const draft = this.waryUnits > 0 ? copyOf(known) : known;
      // Evolved in place, the state is ahead of the log until the unit lands.
      this.state = draft === known ? undefined : known;
      const decided = decideAll(draft, this.stream, this.revision, batch);
      const { answers } = decided;
      const outcomes = await this.land(decided, draft);
      if (!outcomes) continue;
      answers.forEach((answer, index) => batch[index]?.resolve(answer(outcomes)));
      this.snapshotIfDue();
      return answers.length;
    }
    throw new StoreOverloaded('this account is written to by too many at once');
  }

  /** What became of the followers; undefined when the log had gone on. */
  private async land(
    { lead, followers, payloads }: Decided,
    draft: Account.State,
  ): Promise<readonly AppendOutcome[] | undefined> {
    if (!lead) return (await this.isCurrent(draft)) ? [] : undefined;
    const [outcome, ...followed] = await this.options.store.append({
      appends: [lead, ...followers],
      ...(payloads.length > 0 && { payloads }),
    });
    if (outcome?.status !== 'appended') {
      this.isBehind = true;
      this.waryUnits = WARY_UNITS;
      return undefined;
    }
    this.state = draft;
    this.revision += lead.events.length;
    if (this.waryUnits > 0) this.waryUnits--;
    return followed;
  }

  /**
   * An append that lands proves that it was decided on the newest state. Where nothing is appended,
   * a look at the log must prove it, or a refusal could be an old one.
   */
  private async isCurrent(decidedOn: Account.State): Promise<boolean> {
    const { revision } = this;
    this.state = decidedOn;
    this.isBehind = true;
    await this.readOn();
    return this.revision === revision;
  }

  /** The state as the log has it; from memory, unless the log may have gone on. */
  private async readOn(): Promise<Account.State> {
    const { store } = this.options;
    const state = this.state ?? (await this.readSnapshot());
    while (this.isBehind) {
      const next = { fromRevision: this.revision + 1, limit: READ_MAX };
      const page = await store.readStream(this.stream, next);
      for (const event of page) Account.evolve(state, event as unknown as Account.Event);
      this.revision = page.at(-1)?.revision ?? this.revision;
      this.isBehind = page.length === READ_MAX;
    }
    return state;
  }

  private async readSnapshot(): Promise<Account.State> {
    const snapshot = await this.options.store.readSnapshot(this.stream);
    const state = snapshot && this.stateIn(snapshot);
    this.state = state ?? Account.initial();
    this.revision = state ? snapshot.revision : NO_STREAM;
    this.snapshotRevision = this.revision;
    this.isBehind = true;
    return this.state;
  }

  /** A snapshot is a cache: one that cannot be read is reported, and the log read instead. */
  private stateIn({ version, state }: Snapshot): Account.State | undefined {
    if (version !== AccountSnapshot.version) return undefined;
    try {
      return AccountSnapshot.read(state);
    } catch (error) {
      this.options.onError(error);
      return undefined;
    }
  }

  /** A large state is written less often, so that the writing stays a small part of the work. */
  private snapshotIfDue(): void {
    const { state, revision } = this;
    if (!state || this.isSnapshotting) return;
    if (revision - this.snapshotRevision < Math.max(SNAPSHOT_EVERY, sizeOf(state))) return;
    this.snapshotRevision = revision;
    this.isSnapshotting = true;
    const { version, write } = AccountSnapshot;
    this.options.store
      .writeSnapshot(this.stream, { revision, version, state: write(state) })
      .catch(this.options.onError)
      .finally(() => (this.isSnapshotting = false));
  }
}

/** `evolve` owns its state; a decision that may not land is taken on a state of its own. */
const copyOf = (state: Account.State): Account.State => ({
  ...state,
  holds: new Map(state.holds),
  deposits: new Map(state.deposits),
  adjustments: new Map(state.adjustments),
});

const sizeOf = ({ holds, deposits, adjustments }: Account.State): number =>
  holds.size + deposits.size + adjustments.size;

type Answer = (followed: readonly AppendOutcome[]) => AccountResult;

interface Decided {
  readonly lead: StreamAppend | undefined;
  readonly followers: readonly StreamAppend[];
  readonly payloads: readonly Payload[];
  /** One for each ticket that was decided, from the first; the others did not fit. */
  readonly answers: readonly Answer[];
}

/** Evolves `state` as it decides. */
function decideAll(
  state: Account.State,
  stream: StreamName,
  revision: number,
  batch: readonly Waiting[],
): Decided {
  const events: StreamAppend['events'][number][] = [];
  const followers: StreamAppend[] = [];
  const payloads: Payload[] = [];
  const answers: Answer[] = [];
  const token = randomUUID();
  let payloadBytes = 0;
  for (const { ticket } of batch) {
    if (payloadBytes > UNIT_PAYLOAD_BYTES_MAX) break;
    const decision = Account.decide(state, ticket.command);
    if (decision.kind !== 'accepted') {
      const result = unchanged(decision, standingHold(state, ticket));
      answers.push(() => result);
      continue;
    }
    const at = revision + events.length;
    events.push(...appendOf(stream, at, decision.events, ticket.cause, token).events);
    for (const event of decision.events) Account.evolve(state, event);
    const follow = ticket.follow?.();
    if (follow?.payload) {
      payloads.push(follow.payload);
      payloadBytes += follow.payload.bytes.length;
    }
    const index = follow ? followers.push(follow.append) - 1 : -1;
    answers.push((followed) => ({ outcome: 'accepted', followed: followed[index] }));
  }
  const lead = events.length ? { stream, expectedRevision: revision, events } : undefined;
  return { lead, followers, payloads, answers };
}

const unchanged = (
  decision: Exclude<ReturnType<typeof Account.decide>, { kind: 'accepted' }>,
  hold: Account.Hold | undefined,
): AccountResult =>
  decision.kind === 'rejected'
    ? { outcome: 'rejected', reason: decision.reason, hold }
    : { outcome: 'alreadyDone', hold };

const standingHold = (state: Account.State, { command }: Ticket): Account.Hold | undefined =>
  command.type === 'PlaceHold'
    ? Account.openHold(state, command.executionId, command.generation)
    : undefined;
