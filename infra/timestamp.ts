/** A moment as events have it; within one millisecond it is written once, whoever asks. */
import type { Timestamp } from '../contracts/events/envelope.js';

let writtenMs = Number.NaN;
let written: Timestamp = '';

/** `ms` since the epoch, whole ones. */
export function timestampOf(ms: number): Timestamp {
  if (ms !== writtenMs) {
    written = new Date(ms).toISOString();
    writtenMs = ms;
  }
  return written;
}
