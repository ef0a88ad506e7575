/**
 * What of the partitions that this member has is finished. An offset is committed only when every
 * message below it is; beside it stands the log position of the last of them, by which the sweep
 * sees how far the doorbell has rung.
 */
import { START, type Position } from '../../event-store/port.js';
import { openUnfinished, type RungWake, type Unfinished } from '../unfinished.js';
import type { PartitionEnd, PartitionOffset } from './transport.js';

export interface Offsets {
  /** The partitions were shared out: what was taken before belongs to another membership. */
  assign(assigned: Readonly<Record<string, readonly number[]>>): void;
  /** Whether it is known where each partition of this member begins. */
  readonly isBegun: boolean;
  /** Where it begins in partitions that it has taken nothing from. */
  begin(committed: readonly PartitionOffset[], ends: readonly PartitionEnd[]): void;
  /** A message was taken; the answer is called when it is finished. */
  take(at: PartitionOffset, wake: RungWake): () => void;
  /** A message that nobody waits for. */
  pass(at: PartitionOffset): void;
  /** What was not committed yet and can be. */
  due(): readonly PartitionOffset[];
  committed(offsets: readonly PartitionOffset[]): void;
  /** Messages that are not finished; of the partitions that this member has. */
  lag(ends: readonly PartitionEnd[]): number;
  /** Whether messages lie behind those that were taken, or it waits where none will ever be. */
  isBehind(ends: readonly PartitionEnd[]): boolean;
}

interface Taken {
  readonly topic: string;
  readonly partition: number;
  /** The same messages twice: in terms of the partition, and of the log. */
  readonly byOffset: Unfinished;
  readonly byPosition: Unfinished;
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
      ...{ topic, partition, committed: offset },
      byOffset: openUnfinished(offset - 1n),
      byPosition: openUnfinished(START),
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
    take: (at, wake) => {
      const { byOffset, byPosition } = takenOf(at);
      const ofOffset = byOffset.add({ ...wake, position: at.offset });
      const ofPosition = byPosition.add(wake);
      return () => {
        byOffset.remove(ofOffset);
        byPosition.remove(ofPosition);
      };
    },
    pass: (at) => takenOf(at).byOffset.readTo(at.offset),
    due: () => [...partitions.values()].flatMap(dueOf),
    committed: (offsets) => {
      for (const at of offsets) {
        const taken = partitions.get(keyOf(at));
        if (taken) taken.committed = at.offset;
      }
    },
    lag: (ends) =>
      ofThisMember(ends).reduce(
        (sum, { high, byOffset }) => sum + Math.max(0, Number(high - byOffset.checkpoint - 1n)),
        0,
      ),
    // One that is no member yet has been told nothing: that is standing still, too.
    isBehind: (ends) =>
      !assigned || ofThisMember(ends).some(({ high, byOffset }) => high !== byOffset.position + 1n),
  };
}

function dueOf({ topic, partition, committed, byOffset, byPosition }: Taken): PartitionOffset[] {
  const offset = byOffset.checkpoint + 1n;
  if (offset === committed) return [];
  return [{ topic, partition, offset, note: noteOf(byPosition.checkpoint) }];
}

const keyOf = ({ topic, partition }: Pick<PartitionEnd, 'topic' | 'partition'>): string =>
  `${topic}/${partition}`;

const noteOf = (position: Position): string => (position > START ? String(position) : '');
