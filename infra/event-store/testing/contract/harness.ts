/** What the suite asks of an adapter, beside the port itself. */
import type { StoreLog } from '../../codec.js';
import type { AppendUnit, EventStore } from '../../port.js';
import type { StreamName } from '../../../../contracts/streams.js';

export interface Harness {
  readonly store: EventStore;
  /** Another store over the same log, as another process opens it. */
  openAnother(options?: { readonly queueUnitsMax: number }): Promise<EventStore>;
  /** The payload kept beside the log under a ref. */
  payload(ref: string): Promise<Buffer | undefined>;
  /** Puts an event into the log unchecked, as other code would have written it. */
  appendRaw(event: RawEvent): Promise<void>;
  /** How child processes open this log; or why none can. */
  readonly processes: ProcessCommand | Reason;
  /** Appends in a transaction that stays open; or why there is no such thing. */
  readonly holdOpen: ((unit: AppendUnit) => Promise<OpenTransaction>) | Reason;
  /** Breaks the connections of every store to the log, once; or why there are none. */
  readonly cut: (() => Promise<void>) | Reason;
  close(): Promise<void>;
}

/** Why an adapter of this kind cannot take part in a case; printed with the skipped case. */
export type Reason = string;

export interface RawEvent {
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

/** A module that ends in `serveContract(open)`, and what it is started with. */
export interface ProcessCommand {
  readonly module: URL;
  readonly args: readonly string[];
}

interface OpenTransaction {
  commit(): Promise<void>;
}

export type OpenHarness = (log: StoreLog) => Promise<Harness>;
