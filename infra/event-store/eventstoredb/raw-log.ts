/** Rows as they stand; runs one after another, since only so is their order that of the log. */
import type { AppendOutcome } from '../port.js';
import type { RawLog } from '../raw-log.js';
import type { EncodedAppend } from '../unit.js';
import type { LogReader } from './log-reader.js';

export function createRawLog(
  reader: LogReader,
  land: (run: EncodedAppend) => Promise<AppendOutcome>,
): RawLog {
  return {
    async page(after, limit) {
      const { rows, position, atEnd } = await reader.page(after, limit, {});
      return { rows, position, caughtUp: atEnd };
    },
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
