/** Events on their way into a stream, and out of it. */
import { randomUUID } from 'node:crypto';
import type { AnyEvent } from '../contracts/events/all.js';
import type { NewEvent } from '../contracts/events/envelope.js';
import { eventIdOf } from '../contracts/ids.js';
import type { StreamName } from '../contracts/streams.js';
import type { EventStore, ReadStreamOptions, StreamAppend } from '../infra/event-store/port.js';
import { timestampOf } from '../infra/timestamp.js';
import { eventMetadata, type CommandMetadata } from './command-metadata.js';

/**
 * Decided events made ready to append. Their ids follow from stream, revision and one token per
 * call: the same append repeated is recognised, while two claimants of one revision never pass for
 * one another.
 */
export function appendOf(
  stream: StreamName,
  expectedRevision: number,
  events: readonly AnyEvent[],
  metadata: CommandMetadata,
  token: string = randomUUID(),
): StreamAppend {
  const time = timestampOf(Date.now());
  return {
    stream,
    expectedRevision,
    events: events.map((event, index): NewEvent<AnyEvent> => {
      const revision = expectedRevision + 1 + index;
      const { type, data } = event;
      const id = eventIdOf(stream, revision, token);
      return { id, type, data, metadata: eventMetadata(type, metadata, time) };
    }),
  };
}

/** A stream's events as its own category's: what is in a stream follows from its name. */
export const readEvents = async <E extends AnyEvent>(
  store: EventStore,
  stream: StreamName,
  options?: ReadStreamOptions,
) =>
  (await store.readStream(stream, options)) as unknown as readonly (E & {
    readonly revision: number;
  })[];
