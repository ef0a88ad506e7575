/** How a group stores the notifications that it gives up, and how they are redriven. */
import type { Log } from '../logger.js';
import type { CheckpointStore } from '../checkpoints/port.js';
import type { KeyDispatcher } from './key-dispatcher.js';
import type { Group, Notification } from './port.js';

interface Keeping {
  readonly checkpoints: CheckpointStore;
  readonly log: Log;
}

/** How late a process delivers a dead letter whose redrive was asked of another process. */
export const REDRIVE_POLL_MS = 5_000;

/** Adds and removes a group's dead letters. While their store is away, `add` answers false. */
export function deadLettersOf({ checkpoints, log }: Keeping, { name: group }: Group) {
  const reached = async (work: Promise<unknown>) => {
    try {
      await work;
      return true;
    } catch (error) {
      log.warn({ group, err: error }, 'the dead letters cannot be reached');
      return false;
    }
  };
  return {
    addDeadLetter: async ({ attempt: attempts, ...event }: Notification, error: unknown) => {
      const { stream, revision, type } = event;
      log.error(
        { group, stream, revision, type, attempts, err: error },
        'a notification becomes a dead letter',
      );
      const letter = { ...event, group, attempts, error: textOf(error) };
      return reached(checkpoints.addDeadLetter(letter));
    },
    removeDeadLetter: async ({ stream, revision }: Notification) => {
      await reached(checkpoints.removeDeadLetter(group, stream, revision));
    },
  };
}

interface Redriving extends Keeping {
  readonly group: Group;
  readonly dispatcher: Pick<KeyDispatcher, 'redrive'>;
  readonly signal: AbortSignal;
}

/** Delivers the dead letters whose redrive was requested, of this process or of another. */
export function redriverOf({ checkpoints, log, group, dispatcher, signal }: Redriving) {
  return async () => {
    try {
      const letters = signal.aborted ? [] : await checkpoints.redrivesRequested(group.name);
      for (const { attempts, type, ...event } of letters) {
        dispatcher.redrive({ ...event, type: type as Notification['type'] }, attempts);
      }
    } catch (error) {
      log.warn({ group: group.name, err: error }, 'the dead letters cannot be reached');
    }
  };
}

/** What an operator reads beside a dead letter; always storable as text. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const wellFormed = Buffer.from(text.slice(0, 2_000)).toString();
  return wellFormed.replaceAll('\u0000', '\ufffd');
}
