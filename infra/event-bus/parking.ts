/** Wakes that a group gives up on: where they are kept, and how they ring again. */
import type { Log } from '../logger.js';
import type { CheckpointStore } from '../checkpoints/port.js';
import type { Group, Wake } from './port.js';
import type { Lanes } from './wake-lanes.js';

interface ParkedWakes {
  readonly checkpoints: CheckpointStore;
  readonly log: Log;
}

/** How late a retry that was asked of another process is heard. */
export const PARKED_POLL_MS = 5_000;

/** What the lanes do with poison. The parked wakes being away stops nothing: it is tried again. */
export function parkingOf({ checkpoints, log }: ParkedWakes, { name: group }: Group) {
  const reached = async (work: Promise<void>) => {
    try {
      await work;
      return true;
    } catch (error) {
      log.warn({ group, err: error }, 'the parked wakes cannot be reached');
      return false;
    }
  };
  return {
    park: async ({ attempt: attempts, ...wake }: Wake, error: unknown) => {
      const { stream, revision, type } = wake;
      log.error({ group, stream, revision, type, attempts, err: error }, 'a wake is given up');
      return reached(checkpoints.park({ ...wake, group, attempts, error: textOf(error) }));
    },
    unpark: async ({ stream, revision }: Wake) => {
      await reached(checkpoints.unpark(group, stream, revision));
    },
  };
}

/** Rings the parked wakes that an operator asked for, in this process or in another. */
export function parkedRinger(
  { checkpoints, log }: ParkedWakes,
  group: Group,
  lanes: Pick<Lanes, 'admitParked'>,
  signal: AbortSignal,
) {
  return async () => {
    try {
      const wakes = signal.aborted ? [] : await checkpoints.retriesRequested(group.name);
      for (const { attempts, type, ...wake } of wakes) {
        lanes.admitParked({ ...wake, type: type as Wake['type'] }, attempts);
      }
    } catch (error) {
      log.warn({ group: group.name, err: error }, 'the parked wakes cannot be reached');
    }
  };
}

/** What an operator reads beside a parked wake; always storable as text. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const wellFormed = Buffer.from(text.slice(0, 2_000)).toString();
  return wellFormed.replaceAll('\u0000', '\ufffd');
}
