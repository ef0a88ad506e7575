/**
 * The fence between the lives of a database: after its log has moved, a process that was started
 * before, and stood still meanwhile, writes no position of the old log beside those of the new one.
 *
 * The writes ask in their own statement. A move locks their tables first, so each comes either
 * before it, and is swept away by it, or after it, and is refused.
 */
import type { Epoch } from '../event-store/identity.js';

export interface EpochOptions {
  /** Read when the process started. */
  readonly epoch?: Epoch;
  /** Told of every refusal. */
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
