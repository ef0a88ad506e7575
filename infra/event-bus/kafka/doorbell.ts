/** The message: which stream has what news. Truth is read from the store. */
import type { StreamName } from '../../../contracts/streams.js';
import type { RungWake } from '../unfinished.js';
import type { Outgoing } from './transport.js';

/** The key is the stream, so that its messages lie in one partition, in order. */
export function doorbellOf({ stream, revision, type, position }: RungWake): Outgoing {
  const value = JSON.stringify({ stream, revision, type, position: String(position) });
  return { key: stream, value };
}

interface Doorbell {
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: RungWake['type'];
  readonly position: string;
}

/** Undefined for what the relay did not write. */
export function wakeIn(value: string): RungWake | undefined {
  let parsed: Partial<Doorbell> | null;
  try {
    parsed = JSON.parse(value) as Partial<Doorbell> | null;
  } catch {
    return undefined;
  }
  const { stream, revision, type, position } = parsed ?? {};
  if (typeof stream !== 'string' || typeof type !== 'string') return undefined;
  if (typeof revision !== 'number' || typeof position !== 'string') return undefined;
  if (!/^\d{1,19}$/.test(position)) return undefined;
  return { stream, revision, type, position: BigInt(position) };
}
