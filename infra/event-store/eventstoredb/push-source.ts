/**
 * One endless subscription to the log of the server. Whatever ends it (a restart of the server, a
 * new leader, a server that drops a slow consumer), the next run begins behind what it brought.
 */
import type { TailSource } from '../live-tail.js';
import type { Call, LogClient } from './log-client.js';

export function createPushSource(client: LogClient): TailSource {
  let call: Call | undefined;
  let isStopped = false;
  return {
    async run(feed) {
      isStopped = false;
      const after = await feed.head();
      if (isStopped) return 0;
      const live = () => feed.setLive(true);
      call = client.follow(
        after,
        {},
        {
          row(row) {
            if (!row.type.startsWith('$')) feed.add([row]);
            live();
          },
          checkpoint: live,
          caughtUp: live,
        },
      );
      const ending = await call.ended;
      call = undefined;
      feed.setLive(false);
      if (isStopped) return 0;
      throw new Error(ending.kind === 'done' ? 'the subscription ended' : ending.reason);
    },
    stop() {
      isStopped = true;
      call?.cancel();
    },
  };
}
