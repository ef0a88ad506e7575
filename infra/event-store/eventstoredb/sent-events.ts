/**
 * Events that this process has sent, until the subscription brings them: what says the same as the
 * text that was sent is handed over as it was decided, neither parsed nor checked once more.
 */
import type { EncodedEvent, LogRow } from '../codec.js';
import type { EncodedAppend } from '../unit.js';

export interface SentEvents {
  add(append: EncodedAppend): void;
  /** The row, with the event that it was made of where this process sent it. */
  recognised(row: LogRow): LogRow;
}

/** Those that the subscription never brings, as nobody subscribes, are forgotten. */
const EVENTS_MAX = 4_096;
const CHARS_MAX = 8 * 1024 * 1024;

export function openSentEvents(): SentEvents {
  const sent = new Map<string, EncodedEvent>();
  let chars = 0;

  function forget(id: string, { data, metadata }: EncodedEvent): void {
    if (sent.delete(id)) chars -= data.length + metadata.length;
  }

  return {
    add({ events }) {
      for (const event of events) {
        const before = sent.get(event.id);
        if (before) forget(event.id, before);
        sent.set(event.id, event);
        chars += event.data.length + event.metadata.length;
      }
      for (const [id, event] of sent) {
        if (sent.size <= EVENTS_MAX && chars <= CHARS_MAX) return;
        forget(id, event);
      }
    },
    recognised(row) {
      const event = sent.get(row.id);
      if (!event) return row;
      forget(row.id, event);
      const { type, data, metadata, appended } = event;
      const isSame = type === row.type && data === row.data && metadata === row.metadata;
      return isSame ? { ...row, data, metadata, appended } : row;
    },
  };
}
