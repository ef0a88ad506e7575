/** Checkpoints that live as long as the process: for tests and simulations. */
import type { StreamName } from '../../../contracts/streams.js';
import { START, type Position } from '../../event-store/port.js';
import type { CheckpointStore, DeadLetter } from '../port.js';

type Kept = DeadLetter & { isRequested: boolean };

export function openMemoryCheckpoints(): CheckpointStore {
  const positions = new Map<string, Position>();
  const letters = new Map<string, Kept>();
  const lettersOf = (group?: string) =>
    [...letters.values()].filter((letter) => group === undefined || letter.group === group);
  return {
    read: async (group) => positions.get(group) ?? START,
    save: async (group, position) => {
      if (position > (positions.get(group) ?? START)) positions.set(group, position);
    },
    list: async () => {
      const groups = new Set([...positions.keys(), ...lettersOf().map(({ group }) => group)]);
      return [...groups].sort().map((group) => ({
        group,
        position: positions.get(group) ?? START,
        deadLetters: lettersOf(group).length,
      }));
    },
    addDeadLetter: async (letter) => {
      const key = keyOf(letter.group, letter.stream, letter.revision);
      letters.delete(key); // so that it becomes the last one
      letters.set(key, { ...letter, addedAt: new Date().toISOString(), isRequested: false });
    },
    removeDeadLetter: async (group, stream, revision) =>
      letters.delete(keyOf(group, stream, revision)),
    deadLetters: async (group, { limit, after } = { limit: 1_000 }) =>
      lettersOf(group)
        .sort(inOrder)
        .filter((letter) => !after || inOrder(letter, after) > 0)
        .slice(0, limit)
        .map(withoutMark),
    requestRedrive: async (group, stream, revision) => {
      const letter = letters.get(keyOf(group, stream, revision));
      if (letter) letter.isRequested = true;
      return letter !== undefined;
    },
    redrivesRequested: async (group) =>
      lettersOf(group)
        .filter(({ isRequested }) => isRequested)
        .slice(0, 100)
        .map(withoutMark),
  };
}

const keyOf = (group: string, stream: StreamName, revision: number): string =>
  `${group}/${stream}@${revision}`;

type Place = Pick<DeadLetter, 'position' | 'group'>;

const inOrder = (a: Place, b: Place): number =>
  Number(a.position - b.position) || (a.group < b.group ? -1 : Number(a.group > b.group));

const withoutMark = ({ isRequested: _, ...letter }: Kept): DeadLetter => letter;
