/** A moment that a command is given. */
import { momentMs } from '../contracts/http/moment.js';
import { StartError } from '../infra/start-error.js';

/** Milliseconds since the epoch. */
export function momentOf(text: string): number {
  const ms = momentMs(text);
  if (ms !== undefined) return ms;
  throw new StartError(`'${text}' is no moment, such as 2026-01-31 or 2026-01-31T12:00:00Z.`);
}
