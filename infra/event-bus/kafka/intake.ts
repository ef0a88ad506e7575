/**
 * The door to a group's lanes, for wakes that come from Kafka in any order and as often as it
 * likes, and for those that the sweep rings. One that is known to be finished, or is inside
 * already, does not enter again.
 */
import type { Position } from '../../event-store/port.js';
import type { RungWake } from '../unfinished.js';
import type { Lanes } from '../wake-lanes.js';
import type { HandledRecorder } from './handled.js';

export interface Intake {
  /** `done` is called once the wake is finished, which may be at once. */
  admit(wake: RungWake, done: () => void): void;
  /**
   * For the sweep, which found no record of it. False when it is inside, or finished by all
   * accounts; what was finished here rings again when the record of that was lost.
   */
  ring(wake: RungWake): boolean;
  /** The lanes finished it. */
  finished(position: Position): void;
  /** Everything at and below it is finished, in whichever process. */
  readonly settled: Position;
  settle(position: Position): void;
}

export function openIntake(
  lanes: () => Pick<Lanes, 'admit'>,
  recorder: HandledRecorder,
  after: Position,
): Intake {
  let settled = after;
  /** Who waits for the wakes inside. A wake without anybody comes from the sweep. */
  const inside = new Map<Position, (() => void)[]>();
  const isFinished = (position: Position) => position <= settled || recorder.has(position);
  return {
    admit: (wake, done) => {
      const waiting = inside.get(wake.position);
      if (waiting) waiting.push(done);
      else if (isFinished(wake.position)) done();
      else {
        inside.set(wake.position, [done]);
        lanes().admit(wake);
      }
    },
    ring: (wake) => {
      if (inside.has(wake.position) || wake.position <= settled) return false;
      inside.set(wake.position, []);
      lanes().admit(wake);
      return true;
    },
    finished: (position) => {
      const waiting = inside.get(position);
      if (!waiting) return; // a parked wake that rang again
      inside.delete(position);
      recorder.add(position);
      for (const done of waiting) done();
    },
    get settled() {
      return settled;
    },
    settle: (position) => {
      if (position > settled) settled = position;
    },
  };
}
