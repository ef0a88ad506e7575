/** The events that a real server writes of its own accord, which every reader of $all must bear. */
import type { Knobs } from './behaviour.js';
import { metadataStreamOf, systemEvent } from './stream-metadata.js';
import type { Store } from './store.js';

const STATISTICS_EVERY_MS = 30_000;

export function keepSystemEvents(store: Store, knobs: Knobs, port: () => number) {
  let appends = 0;
  const write = async (stream: string, type: string, json: unknown) => {
    await store.append(stream, 'any', [systemEvent(type, JSON.stringify(json))]);
  };
  const writeStatistics = () => {
    const json = { 'proc-id': process.pid, 'es-queue-appends': appends };
    void write(`$stats-127.0.0.1:${port()}`, '$statsCollected', json);
  };
  const timer = setInterval(() => {
    if (knobs.now.appendsPerSystemEvent > 0) writeStatistics();
  }, STATISTICS_EVERY_MS).unref();

  return {
    begin: async () => {
      if (store.index.count > 0) return;
      await write(metadataStreamOf(`$stats-127.0.0.1:${port()}`), '$metadata', { $maxCount: 100 });
      await write('$users', '$User', 'admin');
      await write('$user-admin', '$UserCreated', { loginName: 'admin', disabled: false });
    },
    appended: () => {
      appends += 1;
      const every = knobs.now.appendsPerSystemEvent;
      if (every > 0 && appends % every === 0) writeStatistics();
    },
    end: () => clearInterval(timer),
  };
}
