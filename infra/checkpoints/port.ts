/**
 * How far each group has come, and the wakes that it gave up on.
 *
 * An implementer promises: a checkpoint never moves back (it says that everything below is
 * finished, which stays true whoever says it later); a parked wake survives until it is unparked,
 * and parking it again replaces what was kept about it. A saved checkpoint may be lost with the
 * last second before a power cut: some wakes ring again then.
 */
import type { StreamName } from '../../contracts/streams.js';
import type { Position } from '../event-store/port.js';

export interface ParkedWake {
  readonly group: string;
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: string;
  readonly position: Position;
  readonly attempts: number;
  readonly error: string;
  readonly parkedAt: string;
}

interface GroupCheckpoint {
  readonly group: string;
  /** `START` when the group never saved. */
  readonly position: Position;
  readonly parked: number;
}

export interface CheckpointStore {
  /** `START` for a group that never saved. */
  read(group: string): Promise<Position>;
  save(group: string, position: Position): Promise<void>;
  /** Every group that saved or parked, by name. */
  list(): Promise<readonly GroupCheckpoint[]>;
  park(wake: Omit<ParkedWake, 'parkedAt'>): Promise<void>;
  unpark(group: string, stream: StreamName, revision: number): Promise<void>;
  /** The first thousand, oldest first; of one group, or of all. */
  listParked(group?: string): Promise<readonly ParkedWake[]>;
  /** Marks a parked wake to be rung again; false when there is no such wake. */
  requestRetry(group: string, stream: StreamName, revision: number): Promise<boolean>;
  /** The parked wakes that are marked, at most a hundred. */
  retriesRequested(group: string): Promise<readonly ParkedWake[]>;
}
