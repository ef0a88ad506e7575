/** Polls for what other processes append: often while there is something, rarely while not. */
import type { TailSource } from '../live-tail.js';
import type { LogReader } from '../log-reader.js';

interface PollSource extends TailSource {
  /** The last poll found only events that this process appended itself. */
  foundOwn(): void;
}

const POLL_EVENTS_MAX = 1000;

/** Other processes' events are seen this late at most; an idle poll is one look at an index. */
const IDLE_MS = 100;
const BUSY_MS = 10;
const GROWTH = 1.5;

export function createPollSource(reader: LogReader): PollSource {
  let waitMs = IDLE_MS;
  return {
    async run(feed) {
      const { rows } = await reader.page(await feed.head(), POLL_EVENTS_MAX, {});
      const added = feed.add(rows);
      feed.setLive(true);
      if (rows.length === POLL_EVENTS_MAX) return 0;
      waitMs = added > 0 ? BUSY_MS : Math.min(IDLE_MS, waitMs * GROWTH);
      return waitMs;
    },
    stop: () => undefined,
    foundOwn() {
      waitMs = IDLE_MS;
    },
  };
}
