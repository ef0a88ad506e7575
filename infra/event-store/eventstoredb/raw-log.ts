/** Rows as they are stored; runs one after another, as only that order is the order of the log. */
import type { AppendOutcome } from '../port.js';
import type { RawLog } from '../raw-log.js';
import type { EncodedAppend } from '../unit.js';
import type { LogReader } from '../log-reader.js';

export function createRawLog(
  reader: LogReader,
  land: (run: EncodedAppend) => Promise<AppendOutcome>,
): RawLog {
  return {
    page: (after, limit) => reader.page(after, limit, {}),
    newest: (limit) => reader.newest(limit),
    async append(runs) {
      const outcomes: AppendOutcome[] = [];
      for (const run of runs) {
        const before = outcomes.at(-1);
        const goesOn = !before || before.status === 'appended';
        outcomes.push(goesOn ? await land(run) : { status: 'skipped' });
      }
      return outcomes;
    },
  };
}
