/**
 * What is appended while a reader is held up at its start by a long stretch of the log in which
 * there is nothing for it. The reader comes to the same events later, once more: who takes news
 * takes repetitions.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { pause } from '../concurrency/pause.js';
import { untilAnswered } from '../concurrency/until-answered.js';
import type { EventStore, LogFilter } from '../event-store/port.js';

type Events = readonly RecordedEvent<AnyEvent>[];

/** So long nothing comes to a reader that is held up. */
const HELD_UP_MS = 300;

/** Until the signal aborts: the reader has come to an event, or to the head. Never rejects. */
export async function followNews(
  store: EventStore,
  filter: LogFilter,
  tell: (events: Events) => unknown,
  signal: AbortSignal,
): Promise<void> {
  const head = await untilAnswered(
    () => store.head(),
    signal,
    () => undefined,
  );
  await pause(HELD_UP_MS, signal);
  if (head === undefined || signal.aborted) return;
  try {
    for await (const { events } of store.subscribe(head, filter, signal))
      if (events.length > 0) await tell(events);
  } catch {
    // The reader itself meets what broke this, and reports it.
  }
}
