/** Moments that a command is given. */
import { momentMs } from '../contracts/http/moment.js';
import { StartError } from '../infra/start-error.js';

/** From the one moment up to the other, which is not in it; without bounds where none is given. */
export function momentRange({ from, to }: { readonly from?: string; readonly to?: string }) {
  const fromMs = from === undefined ? -Infinity : momentOf(from);
  const toMs = to === undefined ? Infinity : momentOf(to);
  if (fromMs >= toMs) throw new StartError(`--from ${from} is not before --to ${to}.`);
  return { fromMs, toMs };
}

/** Milliseconds since the epoch. */
function momentOf(text: string): number {
  const ms = momentMs(text);
  if (ms !== undefined) return ms;
  throw new StartError(`'${text}' is no moment, such as 2026-01-31 or 2026-01-31T12:00:00Z.`);
}
