/** Saves a group's checkpoint from time to time, and never once per notification. */
import type { Position } from '../event-store/port.js';

interface CheckpointSaverOptions {
  readonly saved: Position;
  readonly current: () => Position;
  readonly save: (position: Position) => Promise<void>;
  readonly onOutage: (error: unknown) => void;
}

export interface CheckpointSaver {
  /** Notifications were processed: after a crash they would be delivered again. */
  processed(): void;
  /** Only events of other types were passed: after a crash they would be read again. */
  passed(): void;
  /** Saves the last position; a failure goes to `onOutage` and does no harm. */
  close(): Promise<void>;
}

const AFTER_PROCESSED_MS = 200;
const AFTER_PASSED_MS = 2_000;

export function openCheckpointSaver(options: CheckpointSaverOptions): CheckpointSaver {
  let saved = options.saved;
  let due: NodeJS.Timeout | undefined;
  let dueInMs = Infinity;
  let saving: Promise<void> | undefined;

  const save = async () => {
    dueInMs = Infinity;
    const position = options.current();
    if (position === saved) return;
    try {
      await options.save(position);
      saved = position;
    } catch (error) {
      options.onOutage(error);
    }
  };

  const saveIn = (ms: number) => {
    if (dueInMs <= ms) return;
    clearTimeout(due);
    dueInMs = ms;
    due = setTimeout(() => {
      saving = (saving ?? Promise.resolve()).then(save).finally(() => (saving = undefined));
    }, ms);
  };

  return {
    processed: () => saveIn(AFTER_PROCESSED_MS),
    passed: () => saveIn(AFTER_PASSED_MS),
    close: async () => {
      clearTimeout(due);
      await saving;
      await save();
    },
  };
}
