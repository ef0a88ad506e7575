/**
 * What a process knows of one account: its state up to a revision of the log, from a snapshot and
 * the events behind it. A unit is decided on this state itself and taken back when it did not land,
 * so that a lost race costs reading what is new, at any size of the state.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import * as AccountSnapshot from '../../domain/account/snapshot.js';
import { NO_STREAM, type EventStore, type Snapshot } from '../../infra/event-store/port.js';
import { UndoableMap } from './undoable-map.js';

export interface AccountMemoryOptions {
  readonly store: EventStore;
  readonly organizationId: OrganizationId;
  readonly onError: (error: unknown) => void;
}

/** A cold start reads about as many events, and those of the units that were under way. */
const SNAPSHOT_EVERY = 1000;
/** A large state is written less often, so that the writing stays a small part of the work. */
const SNAPSHOT_SHARE = 10;
const READ_MAX = 1000;

/**
 * Of what `Known` is written as: the id of the last event, a line's end, the state. Stores keep the
 * newest snapshot of one version, so the one of a log that was exchanged is outdone by another.
 */
const VERSIONS = [100 + AccountSnapshot.version, 200 + AccountSnapshot.version];

/** The state after the event `lastId`, which stands at `revision`. */
interface Known {
  readonly state: UndoableState;
  revision: number;
  lastId: string;
}

interface UndoableState extends Account.State {
  readonly holds: UndoableMap<string, Account.Hold>;
  readonly deposits: UndoableMap<string, bigint>;
  readonly adjustments: UndoableMap<string, bigint>;
}

export class AccountMemory {
  readonly stream: StreamName;
  private known: Known | undefined;
  /** The log may go on behind what is known. */
  private isBehind = false;
  private undo: (() => void) | undefined;
  private isSnapshotting = false;
  private version = VERSIONS[0] ?? 0;

  constructor(private readonly options: AccountMemoryOptions) {
    this.stream = streamOf(Account.category, options.organizationId);
  }

  get revision(): number {
    return this.known?.revision ?? NO_STREAM;
  }

  /** Somebody else may have written. */
  doubt(): void {
    this.isBehind = true;
  }

  /** The log ends before what is known: it is not the log that was read, but an earlier copy. */
  forget(): void {
    this.known = undefined;
  }

  /** The state as the log has it; from memory, unless the log may have gone on. */
  async readOn(): Promise<Account.State> {
    const known = (this.known ??= await this.start());
    const from = known.revision;
    while (this.isBehind) {
      const next = { fromRevision: known.revision + 1, limit: READ_MAX };
      this.isBehind = (await this.readPage(known, next)) === READ_MAX;
    }
    // Whoever comes next is spared the reading, also when nothing is appended.
    if (known.revision - from > 2 * stepOf(known.state)) this.writeSnapshot();
    return known.state;
  }

  /** What is decided from here on stands only when it `landed`; otherwise it is `takenBack`. */
  draft(): void {
    const { state } = this.known ?? {};
    if (!state) throw new Error('an account is decided on that was not read');
    const { available, held, holds, deposits, adjustments } = state;
    for (const map of [holds, deposits, adjustments]) map.note();
    this.undo = () => {
      for (const map of [holds, deposits, adjustments]) map.undo();
      Object.assign(state, { available, held });
    };
  }

  takeBack(): void {
    this.undo?.();
    this.undo = undefined;
  }

  landed(events: readonly { readonly id: string }[]): void {
    const { known } = this;
    const last = events.at(-1);
    if (!known || !last) return;
    this.undo = undefined;
    const before = known.revision;
    known.revision += events.length;
    known.lastId = last.id;
    // Of all processes, the one that passes the mark writes the snapshot.
    const step = stepOf(known.state);
    if (Math.floor(known.revision / step) > Math.floor(before / step)) this.writeSnapshot();
  }

  private async readPage(
    known: Known,
    page: { readonly fromRevision: number; readonly limit: number },
  ): Promise<number> {
    const events = await this.options.store.readStream(this.stream, page);
    for (const event of events) Account.evolve(known.state, event as unknown as Account.Event);
    const last = events.at(-1);
    if (last) Object.assign(known, { revision: last.revision, lastId: last.id });
    return events.length;
  }

  private async start(): Promise<Known> {
    this.isBehind = true;
    const snapshot = await this.options.store.readSnapshot(this.stream);
    const known = snapshot && this.knownFrom(snapshot);
    if (known && (await this.isOfThisLog(known))) return known;
    this.version = VERSIONS.find((one) => one !== snapshot?.version) ?? this.version;
    return { state: undoable(Account.initial()), revision: NO_STREAM, lastId: '' };
  }

  /** A store restored from a copy may end before the snapshot, or have gone on differently. */
  private async isOfThisLog({ revision, lastId }: Known): Promise<boolean> {
    const at = { fromRevision: revision, limit: 1 };
    const [event] = await this.options.store.readStream(this.stream, at);
    return event?.id === lastId;
  }

  /** A snapshot is a cache: one that cannot be read is reported, and the log read instead. */
  private knownFrom({ revision, version, state: text }: Snapshot): Known | undefined {
    if (!VERSIONS.includes(version)) return undefined;
    this.version = version;
    try {
      const end = text.indexOf('\n');
      const state = undoable(AccountSnapshot.read(text.slice(end + 1)));
      return { state, revision, lastId: text.slice(0, end) };
    } catch (error) {
      this.options.onError(error);
      return undefined;
    }
  }

  private writeSnapshot(): void {
    if (!this.known || this.isSnapshotting) return;
    const { state, revision, lastId } = this.known;
    this.isSnapshotting = true;
    const text = `${lastId}\n${AccountSnapshot.write(state)}`;
    this.options.store
      .writeSnapshot(this.stream, { revision, version: this.version, state: text })
      .catch(this.options.onError)
      .finally(() => (this.isSnapshotting = false));
  }
}

const undoable = (state: Account.State): UndoableState => ({
  ...state,
  holds: new UndoableMap(state.holds),
  deposits: new UndoableMap(state.deposits),
  adjustments: new UndoableMap(state.adjustments),
});

/** A power of two, so that accounts of nearly one size, as processes know them, have the same. */
function stepOf({ holds, deposits, adjustments }: Account.State): number {
  const size = holds.size + deposits.size + adjustments.size;
  let step = SNAPSHOT_EVERY;
  while (step * SNAPSHOT_SHARE < size) step *= 2;
  return step;
}
