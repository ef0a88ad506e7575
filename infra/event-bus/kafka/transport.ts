/**
 * What the bus needs of Kafka, whatever library connects to it. Every promise here settles in
 * bounded time, except those of `send` and `commit`, which wait for a broker until they are closed.
 */

export interface Outgoing {
  readonly key: string;
  readonly value: string;
}

export interface Incoming {
  readonly offset: bigint;
  readonly key: string;
  readonly value: string;
}

export interface IncomingBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly Incoming[];
}

export interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  /** Of the next message to be handled. */
  readonly offset: bigint;
  /** What the group wrote beside the offset; empty when nothing. */
  readonly note: string;
}

export interface PartitionEnd {
  readonly topic: string;
  readonly partition: number;
  /** The first offset that is still kept, and the one that the next message will get. */
  readonly low: bigint;
  readonly high: bigint;
}

export interface ConsumeOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /**
   * Takes a batch over; the next one is fetched when it returns. `beat` keeps the membership while
   * that takes long, and throws during a rebalance. When `onBatch` answers false the batch was not
   * taken, and comes again.
   */
  onBatch(batch: IncomingBatch, beat: () => Promise<void>): Promise<boolean>;
  /** The partitions by topic that this member has from now on. */
  onAssigned(assigned: Readonly<Record<string, readonly number[]>>): void;
  /** A rebalance begins: processed offsets should be committed now. */
  onRebalancing(): void;
}

export interface Consumption {
  /** Resolves with the reason when it ended by itself; never rejects. */
  readonly ended: Promise<unknown>;
  commit(offsets: readonly PartitionOffset[]): Promise<void>;
  /** Fetches nothing more, and stays a member. */
  pause(): void;
  /** Gives its partitions back, in bounded time. */
  leave(): Promise<void>;
}

export interface Sender {
  /** Resolves when all in-sync replicas have all of it; rejects when that is not known. */
  send(topics: ReadonlyMap<string, readonly Outgoing[]>): Promise<void>;
  close(): Promise<void>;
}

export interface KafkaClient {
  /** Creates those that are missing; others stay as they are. */
  ensureTopics(topics: readonly string[], partitions: number): Promise<void>;
  /** Of all partitions of the topics. */
  ends(topics: readonly string[]): Promise<readonly PartitionEnd[]>;
  /** What a group has committed; offset -1 where it has nothing. */
  committed(groupId: string, topics: readonly string[]): Promise<readonly PartitionOffset[]>;
  openSender(): Sender;
  /** Begins at once and joins the group later; `ended` also resolves when it could not join. */
  consume(options: ConsumeOptions): Consumption;
  /** Throws when no broker answers. */
  ping(): Promise<void>;
  /** Ends everything that was opened, at once: nothing is waited for. */
  close(): void;
}
