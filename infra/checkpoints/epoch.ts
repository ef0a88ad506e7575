/**
 * Fences positions by the epoch of the log: after the log of a database has moved, a process that
 * was started before, and was suspended meanwhile, writes no position of the old log.
 *
 * Each write checks the epoch in its own statement. A move locks the tables first, so that a write
 * commits either before the move, which deletes it, or after the move, which refuses it.
 */
import type { Epoch } from '../event-store/identity.js';

export interface EpochOptions {
  /** Read when the process started. */
  readonly epoch?: Epoch;
  /** Called for every refusal. */
  readonly onMoved?: (error: LogMoved) => void;
}

export class LogMoved extends Error {
  override readonly name = 'LogMoved';
  constructor() {
    super(
      'The log of this database has moved since this process started: it has written nothing ' +
        'more and must be started again.',
    );
  }
}

/** A table expression `epoch (own)`; the first parameter is the writer's epoch. */
export const IS_OWN_EPOCH = `
  epoch AS (
    SELECT coalesce((SELECT epoch FROM processing.log_identity), '0') = $1::text AS own
  )`;

export function requireOwn(rows: readonly { readonly own: boolean }[], onMoved?: OnMoved): void {
  if (rows[0]?.own) return;
  const error = new LogMoved();
  onMoved?.(error);
  throw error;
}

type OnMoved = EpochOptions['onMoved'];
