/** Rows as they are stored, and many runs in one transaction: its order is that of the log. */
import type { RawLog } from '../raw-log.js';
import type { GroupCommit } from './group-commit.js';
import type { LogReader } from '../log-reader.js';

export function createRawLog(reader: LogReader, commit: GroupCommit): RawLog {
  return {
    page: (after, limit) => reader.page(after, limit, {}),
    newest: (limit) => reader.newest(limit),
    place: (position) => reader.place(position),
    append(runs) {
      let events = 0;
      let bytes = 0;
      for (const run of runs) {
        events += run.events.length;
        for (const { data, metadata } of run.events) bytes += data.length + metadata.length;
      }
      return commit.submit({ appends: runs, payloads: [], events, bytes });
    },
  };
}
