/**
 * The offsets of this member's partitions. An offset is committed only when every message below it
 * is processed; its note carries the log position of the last of them, by which the reconciliation
 * knows how far Kafka has delivered.
 */
import { START, type Position } from '../../event-store/port.js';
import { openInFlightWindow, type InFlightWindow } from '../in-flight-window.js';
import type { EventNotification } from '../port.js';
import type { PartitionEnd, PartitionOffset } from './transport.js';

export interface Offsets {
  /** The partitions were assigned: earlier messages belong to another membership. */
  assign(assigned: Readonly<Record<string, readonly number[]>>): void;
  /** Whether it is known where each partition of this member begins. */
  readonly isBegun: boolean;
  /** Where it begins in partitions that it has taken nothing from. */
  begin(committed: readonly PartitionOffset[], ends: readonly PartitionEnd[]): void;
  /** A message was taken; the answer is called when it is processed. */
  take(at: PartitionOffset, notification: EventNotification): () => void;
  /** A message that the group does not need. */
  pass(at: PartitionOffset): void;
  /** The offsets that can be committed and are not yet. */
  due(): readonly PartitionOffset[];
  committed(offsets: readonly PartitionOffset[]): void;
  /** Messages that are not processed, of the partitions that this member has. */
  lag(ends: readonly PartitionEnd[]): number;
  /** Whether there are messages behind those that were taken, or its offset is past the end. */
  isBehind(ends: readonly PartitionEnd[]): boolean;
}

interface Taken {
  readonly topic: string;
  readonly partition: number;
  /** The same messages twice: in terms of the partition, and of the log. */
  readonly byOffset: InFlightWindow;
  readonly byPosition: InFlightWindow;
  committed: bigint;
}

export function openOffsets(): Offsets {
  let assigned: Set<string> | undefined;
  let partitions = new Map<string, Taken>();

  const takenOf = ({ topic, partition, offset }: PartitionOffset): Taken => {
    const key = keyOf({ topic, partition });
    const known = partitions.get(key);
    // An offset below: the group's offsets were reset, or the topic is a new one of the same name.
    if (known && offset > known.byOffset.position) return known;
    const taken: Taken = {
      topic,
      partition,
      committed: offset,
      byOffset: openInFlightWindow(offset - 1n),
      byPosition: openInFlightWindow(START),
    };
    partitions.set(key, taken);
    return taken;
  };
  const ofThisMember = (ends: readonly PartitionEnd[]) =>
    ends.flatMap((end) => {
      const taken = assigned?.has(keyOf(end)) ? partitions.get(keyOf(end)) : undefined;
      return taken ? [{ ...taken, high: end.high }] : [];
    });

  return {
    assign: (shares) => {
      assigned = new Set();
      partitions = new Map();
      for (const [topic, numbers] of Object.entries(shares))
        for (const partition of numbers) assigned.add(keyOf({ topic, partition }));
    },
    get isBegun() {
      return assigned !== undefined && [...assigned].every((key) => partitions.has(key));
    },
    begin: (committed, ends) => {
      const offsetOf = new Map(committed.map((at) => [keyOf(at), at.offset]));
      for (const end of ends) {
        const { topic, partition, low } = end;
        const saved = offsetOf.get(keyOf(end));
        if (!assigned?.has(keyOf(end)) || partitions.has(keyOf(end)) || saved === undefined)
          continue;
        takenOf({ topic, partition, offset: saved < 0n ? low : saved, note: '' });
      }
    },
    take: (at, notification) => {
      const { byOffset, byPosition } = takenOf(at);
      const ofOffset = byOffset.add({ ...notification, position: at.offset });
      const ofPosition = byPosition.add(notification);
      return () => {
        byOffset.remove(ofOffset);
        byPosition.remove(ofPosition);
      };
    },
    pass: (at) => takenOf(at).byOffset.advanceTo(at.offset),
    due: () => [...partitions.values()].flatMap(dueOf),
    committed: (offsets) => {
      for (const at of offsets) {
        const taken = partitions.get(keyOf(at));
        if (taken) taken.committed = at.offset;
      }
    },
    lag: (ends) => ofThisMember(ends).reduce((sum, taken) => sum + lagOf(taken), 0),
    // Without an assignment it is no member yet, which counts as being behind.
    isBehind: (ends) =>
      !assigned || ofThisMember(ends).some(({ high, byOffset }) => high !== byOffset.position + 1n),
  };
}

const lagOf = ({ high, byOffset }: Taken & { readonly high: bigint }): number =>
  Math.max(0, Number(high - byOffset.lowWatermark - 1n));

function dueOf({ topic, partition, committed, byOffset, byPosition }: Taken): PartitionOffset[] {
  const offset = byOffset.lowWatermark + 1n;
  if (offset === committed) return [];
  return [{ topic, partition, offset, note: noteOf(byPosition.lowWatermark) }];
}

const keyOf = ({ topic, partition }: Pick<PartitionEnd, 'topic' | 'partition'>): string =>
  `${topic}/${partition}`;

const noteOf = (position: Position): string => (position > START ? String(position) : '');
