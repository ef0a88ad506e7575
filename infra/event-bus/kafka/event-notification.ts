/**
 * The message: it names an event, and the epoch of the log that the event belongs to. The event
 * itself is read from the store; in another epoch its position belongs to another event.
 */
import type { StreamName } from '../../../contracts/streams.js';
import { FIRST_EPOCH, type Epoch } from '../../event-store/identity.js';
import type { EventNotification } from '../port.js';
import type { Outgoing } from './transport.js';

/** The key is the stream, so that its messages are in one partition, in order. */
export function messageOf(event: EventNotification, epoch: Epoch): Outgoing {
  const { stream, revision, type, position } = event;
  const value = JSON.stringify({ stream, revision, type, position: String(position), epoch });
  return { key: stream, value };
}

interface Received {
  readonly notification: EventNotification;
  readonly epoch: Epoch;
}

interface Message {
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: EventNotification['type'];
  readonly position: string;
  readonly epoch: string;
}

/** Undefined for a message that the relay did not write. */
export function notificationIn(value: string): Received | undefined {
  let parsed: Partial<Message> | null;
  try {
    parsed = JSON.parse(value) as Partial<Message> | null;
  } catch {
    return undefined;
  }
  const { stream, revision, type, position, epoch = FIRST_EPOCH } = parsed ?? {};
  if (typeof stream !== 'string' || !streamForm.test(stream)) return undefined;
  if (typeof type !== 'string' || typeof epoch !== 'string') return undefined;
  if (!isCount(revision) || typeof position !== 'string' || !/^\d{1,19}$/.test(position))
    return undefined;
  const at = BigInt(position);
  return at <= POSITION_MAX
    ? { notification: { stream, revision, type, position: at }, epoch }
    : undefined;
}

/** What a database takes for a stream's name, a revision and a position; others are not ours. */
const streamForm = /^[a-zA-Z]{1,50}-[\x21-\x7e]{1,200}$/;
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
const POSITION_MAX = 2n ** 63n - 1n;
