/**
 * The wakes that were read and are not finished, in the order of the log, and the checkpoint that
 * follows from them. Finished ones leave at once, so one slow wake costs no memory.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { StreamName } from '../../contracts/streams.js';
import type { Position } from '../event-store/port.js';

export interface Task {
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: AnyEvent['type'];
  readonly position: Position;
  /** A parked wake that rings again is out of the log's order and holds back no checkpoint. */
  readonly wasParked: boolean;
  /** Deliveries so far, and those that count towards parking. */
  attempts: number;
  failures: number;
  /** The last position read before this wake. */
  readonly before: Position;
  earlier: Task | undefined;
  later: Task | undefined;
}

export type RungWake = Pick<Task, 'stream' | 'revision' | 'type' | 'position'>;

export interface Unfinished {
  readonly size: number;
  /** Where to go on reading from. */
  readonly position: Position;
  /** Everything wanted at and below it is finished. */
  readonly checkpoint: Position;
  add(wake: RungWake): Task;
  remove(task: Task): void;
  /** The log was read up to here. */
  readTo(position: Position): void;
}

export function openUnfinished(after: Position): Unfinished {
  let size = 0;
  let position = after;
  let first: Task | undefined;
  let last: Task | undefined;
  return {
    get size() {
      return size;
    },
    get position() {
      return position;
    },
    get checkpoint() {
      return first ? first.before : position;
    },
    add: (wake) => {
      const task = taskOf(wake, position, 0, false);
      task.earlier = last;
      if (last) last.later = task;
      else first = task;
      last = task;
      position = wake.position;
      size += 1;
      return task;
    },
    remove: (task) => {
      if (task.earlier) task.earlier.later = task.later;
      else first = task.later;
      if (task.later) task.later.earlier = task.earlier;
      else last = task.earlier;
      size -= 1;
    },
    readTo: (to) => {
      position = to;
    },
  };
}

/** A task that is in no list: a parked wake that an operator sent around again. */
export const parkedTask = (wake: RungWake, attempts: number): Task =>
  taskOf(wake, wake.position, attempts, true);

const taskOf = (wake: RungWake, before: Position, attempts: number, wasParked: boolean): Task => ({
  stream: wake.stream,
  revision: wake.revision,
  type: wake.type,
  position: wake.position,
  wasParked,
  attempts,
  failures: 0,
  before,
  earlier: undefined,
  later: undefined,
});
