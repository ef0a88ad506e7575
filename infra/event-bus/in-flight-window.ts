/**
 * The notifications that were read and are not processed yet, in the order of the log, and the low
 * watermark that follows from them. A processed one leaves at once, so that one slow notification
 * costs no memory for those behind it.
 */
import type { Position } from '../event-store/port.js';
import type { EventNotification } from './port.js';

export interface Task extends EventNotification {
  /** A redriven dead letter is out of the log's order and holds back no watermark. */
  readonly isRedriven: boolean;
  /** Deliveries so far, and those that count towards a dead letter. */
  attempts: number;
  failures: number;
  /** The last position read before this notification. */
  readonly before: Position;
  earlier: Task | undefined;
  later: Task | undefined;
}

export interface InFlightWindow {
  readonly size: number;
  /** Where to go on reading from. */
  readonly position: Position;
  /** Every notification at and below it is processed. */
  readonly lowWatermark: Position;
  add(notification: EventNotification): Task;
  remove(task: Task): void;
  /** The log was read up to here. */
  advanceTo(position: Position): void;
}

export function openInFlightWindow(after: Position): InFlightWindow {
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
    get lowWatermark() {
      return first ? first.before : position;
    },
    add: (notification) => {
      const task = taskOf(notification, position, 0, false);
      task.earlier = last;
      if (last) last.later = task;
      else first = task;
      last = task;
      position = notification.position;
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
    advanceTo: (to) => {
      position = to;
    },
  };
}

/** A task that is in no window: a dead letter that an operator redrives. */
export const redrivenTask = (notification: EventNotification, attempts: number): Task =>
  taskOf(notification, notification.position, attempts, true);

const taskOf = (
  { stream, revision, type, position }: EventNotification,
  before: Position,
  attempts: number,
  isRedriven: boolean,
): Task => ({
  stream,
  revision,
  type,
  position,
  isRedriven,
  attempts,
  failures: 0,
  before,
  earlier: undefined,
  later: undefined,
});
