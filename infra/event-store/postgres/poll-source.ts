/** Polls for what other processes append: often while there is something, rarely while not. */
import type { TailSource } from '../live-tail.js';
import type { LogReader } from '../log-reader.js';

interface PollSource extends TailSource {
  /** What this process appended is in the buffer, and so is all that lay before it in the log. */
  followed(): void;
  /** Something lies before what this process appended, or may. */
  missed(): void;
}

const POLL_EVENTS_MAX = 1000;

/** Other processes' events are seen this late at most; an idle poll is one look at an index. */
const IDLE_MS = 100;
const BUSY_MS = 10;
const GROWTH = 1.5;

/**
 * An append of this process tells as much as a poll: that nothing lies before it. So a process that
 * appends all the time polls nothing, and does not read and decode its own events once more.
 */
export function createPollSource(reader: LogReader, clock = () => performance.now()): PollSource {
  let waitMs = IDLE_MS;
  let followedAtMs = -Infinity;
  /** After a poll that failed the next one says when the log can be followed again. */
  let isAnswered = false;
  return {
    async run(feed) {
      const restMs = followedAtMs + IDLE_MS - clock();
      if (isAnswered && restMs > 0) return restMs;
      isAnswered = false;
      const { rows } = await reader.page(await feed.head(), POLL_EVENTS_MAX, {});
      isAnswered = true;
      const added = feed.add(rows);
      feed.setLive(true);
      if (rows.length === POLL_EVENTS_MAX) return 0;
      waitMs = added > 0 ? BUSY_MS : Math.min(IDLE_MS, waitMs * GROWTH);
      return waitMs;
    },
    stop: () => (followedAtMs = -Infinity),
    followed() {
      waitMs = IDLE_MS;
      followedAtMs = clock();
    },
    missed: () => (followedAtMs = -Infinity),
  };
}
