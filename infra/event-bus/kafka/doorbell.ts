/**
 * The message: which stream has what news, and in which epoch of the log. Truth is read from the
 * store; in another epoch its positions are those of other events.
 */
import type { StreamName } from '../../../contracts/streams.js';
import { FIRST_EPOCH, type Epoch } from '../../event-store/identity.js';
import type { RungWake } from '../unfinished.js';
import type { Outgoing } from './transport.js';

/** The key is the stream, so that its messages lie in one partition, in order. */
export function doorbellOf(wake: RungWake, epoch: Epoch): Outgoing {
  const { stream, revision, type, position } = wake;
  const value = JSON.stringify({ stream, revision, type, position: String(position), epoch });
  return { key: stream, value };
}

interface Rung {
  readonly wake: RungWake;
  readonly epoch: Epoch;
}

interface Doorbell {
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: RungWake['type'];
  readonly position: string;
  readonly epoch: string;
}

/** Undefined for what the relay did not write. */
export function rungBy(value: string): Rung | undefined {
  let parsed: Partial<Doorbell> | null;
  try {
    parsed = JSON.parse(value) as Partial<Doorbell> | null;
  } catch {
    return undefined;
  }
  const { stream, revision, type, position, epoch = FIRST_EPOCH } = parsed ?? {};
  if (typeof stream !== 'string' || typeof type !== 'string') return undefined;
  if (typeof revision !== 'number' || typeof position !== 'string') return undefined;
  if (!/^\d{1,19}$/.test(position)) return undefined;
  return { wake: { stream, revision, type, position: BigInt(position) }, epoch };
}
