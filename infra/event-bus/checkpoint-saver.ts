/** Saves a group's checkpoint now and then: often enough to lose little, never once per wake. */
import type { Position } from '../event-store/port.js';

interface CheckpointSaverOptions {
  readonly saved: Position;
  readonly current: () => Position;
  readonly save: (position: Position) => Promise<void>;
  readonly onOutage: (error: unknown) => void;
}

export interface CheckpointSaver {
  /** Wakes were finished: a crash from now on would ring them again. */
  finished(): void;
  /** Only unwanted events were passed: a crash costs reading over them again. */
  passed(): void;
  /** Saves what is to be saved; a failure is told and does no harm. */
  close(): Promise<void>;
}

const AFTER_FINISHED_MS = 200;
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
    finished: () => saveIn(AFTER_FINISHED_MS),
    passed: () => saveIn(AFTER_PASSED_MS),
    close: async () => {
      clearTimeout(due);
      await saving;
      await save();
    },
  };
}
