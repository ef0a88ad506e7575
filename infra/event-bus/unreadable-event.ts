/**
 * An event that cannot be decoded stops no group: its notification is delivered as any other, since
 * a notification only names an event. The handler, which reads the stream, meets the same event,
 * and the notification becomes a dead letter at once.
 */
import { InvalidEvent } from '../event-store/codec.js';
import type { EventNotification } from './port.js';

/** Undefined for any other error. */
export function unreadableIn(error: unknown): EventNotification | undefined {
  if (!(error instanceof InvalidEvent) || !error.row) return undefined;
  const { stream, revision, type, position } = error.row;
  return { stream, revision, type: type as EventNotification['type'], position };
}
