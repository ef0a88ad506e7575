/** Checkpoints that live as long as the process: for tests and simulations. */
import type { StreamName } from '../../../contracts/streams.js';
import { START, type Position } from '../../event-store/port.js';
import type { CheckpointStore, ParkedWake } from '../port.js';

export function openMemoryCheckpoints(): CheckpointStore {
  const positions = new Map<string, Position>();
  const parked = new Map<string, ParkedWake & { retry: boolean }>();
  const parkedOf = (group?: string) =>
    [...parked.values()].filter((wake) => group === undefined || wake.group === group);
  return {
    read: async (group) => positions.get(group) ?? START,
    save: async (group, position) => {
      if (position > (positions.get(group) ?? START)) positions.set(group, position);
    },
    list: async () => {
      const groups = new Set([...positions.keys(), ...parkedOf().map((wake) => wake.group)]);
      return [...groups].sort().map((group) => ({
        group,
        position: positions.get(group) ?? START,
        parked: parkedOf(group).length,
      }));
    },
    park: async (wake) => {
      const key = keyOf(wake.group, wake.stream, wake.revision);
      parked.delete(key); // it is the latest now
      parked.set(key, { ...wake, parkedAt: new Date().toISOString(), retry: false });
    },
    unpark: async (group, stream, revision) => {
      parked.delete(keyOf(group, stream, revision));
    },
    listParked: async (group) => parkedOf(group).slice(0, 1000).map(withoutMark),
    requestRetry: async (group, stream, revision) => {
      const wake = parked.get(keyOf(group, stream, revision));
      if (wake) wake.retry = true;
      return wake !== undefined;
    },
    retriesRequested: async (group) =>
      parkedOf(group)
        .filter((wake) => wake.retry)
        .slice(0, 100)
        .map(withoutMark),
  };
}

const keyOf = (group: string, stream: StreamName, revision: number): string =>
  `${group}/${stream}@${revision}`;

const withoutMark = ({ retry: _, ...wake }: ParkedWake & { retry: boolean }): ParkedWake => wake;
