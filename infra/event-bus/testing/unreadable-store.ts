/** A store in which one event cannot be decoded, as after a defect of its writer. */
import type { AnyEvent } from '../../../contracts/events/all.js';
import type { RecordedEvent } from '../../../contracts/events/envelope.js';
import type { StreamName } from '../../../contracts/streams.js';
import { InvalidEvent } from '../../event-store/codec.js';
import type { EventStore, LogBatch } from '../../event-store/port.js';

export function withUnreadable(store: EventStore, stream: StreamName): EventStore {
  const cut = (batch: LogBatch): LogBatch => {
    const index = batch.events.findIndex((event) => event.stream === stream);
    const event = batch.events[index];
    if (!event) return batch;
    const position = batch.events[index - 1]?.position;
    if (position === undefined) throw unreadable(event);
    return { events: batch.events.slice(0, index), position, caughtUp: false };
  };
  return {
    ...store,
    readAll: async (...args) => cut(await store.readAll(...args)),
    readStream: async (...args) => {
      const [event, ...rest] = await store.readStream(...args);
      if (event?.stream === stream) throw unreadable(event);
      return event ? [event, ...rest] : [];
    },
    async *subscribe(...args) {
      for await (const batch of store.subscribe(...args)) {
        yield cut(batch);
        const event = batch.events.find((one) => one.stream === stream);
        if (event) throw unreadable(event);
      }
    },
  };
}

const unreadable = (event: RecordedEvent<AnyEvent>): InvalidEvent =>
  new InvalidEvent('data must be an object', undefined, event.position, event);
