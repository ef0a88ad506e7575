/**
 * How far each group has processed the log, and its dead letters.
 *
 * An implementer promises: a checkpoint never moves back (everything below it is processed, which
 * stays true whichever process saves it later); a dead letter survives until it is removed, and
 * adding it again replaces it. A power cut may lose the checkpoints of its last second: some
 * notifications are delivered again then.
 */
import type { StreamName } from '../../contracts/streams.js';
import type { Position } from '../event-store/port.js';

/** A notification that a group gave up after its bounded attempts. */
export interface DeadLetter {
  readonly group: string;
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: string;
  readonly position: Position;
  readonly attempts: number;
  readonly error: string;
  readonly addedAt: string;
}

/** Where a list of dead letters goes on. */
export interface DeadLetterPage {
  readonly limit: number;
  /** The last one of the page before. */
  readonly after?: Pick<DeadLetter, 'position' | 'group'> | undefined;
}

interface GroupCheckpoint {
  readonly group: string;
  /** `START` when the group never saved. */
  readonly position: Position;
  readonly deadLetters: number;
}

export interface CheckpointStore {
  /** `START` for a group that never saved. */
  read(group: string): Promise<Position>;
  save(group: string, position: Position): Promise<void>;
  /** Every group that saved or has dead letters, by name. */
  list(): Promise<readonly GroupCheckpoint[]>;
  addDeadLetter(letter: Omit<DeadLetter, 'addedAt'>): Promise<void>;
  /** False when there was none. */
  removeDeadLetter(group: string, stream: StreamName, revision: number): Promise<boolean>;
  /** In the order of the log; of one group, or of all. Without a page the first thousand. */
  deadLetters(group?: string, page?: DeadLetterPage): Promise<readonly DeadLetter[]>;
  /** Marks a dead letter to be delivered again; false when there is no such dead letter. */
  requestRedrive(group: string, stream: StreamName, revision: number): Promise<boolean>;
  /** The dead letters that are marked, at most a hundred. */
  redrivesRequested(group: string): Promise<readonly DeadLetter[]>;
}
