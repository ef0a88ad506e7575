/** Rows as they are stored; runs in a row over one connection, whose order is that of the log. */
import { InvalidEvent } from '../codec.js';
import type { LogReader } from '../log-reader.js';
import { StoreUnavailable, type AppendOutcome } from '../port.js';
import type { RawLog } from '../raw-log.js';
import type { EncodedAppend } from '../unit.js';
import type { AppendAnswer, LogClient } from './log-client.js';

export function createRawLog(reader: LogReader, client: LogClient): RawLog {
  return {
    page: (after, limit) => reader.page(after, limit, {}),
    newest: (limit) => reader.newest(limit),
    place: (position) => reader.place(position),
    append: async (runs) => outcomesOf(runs, await client.appendInOrder(runs)),
  };
}

/** The first run that did not land decides; what lies behind it counts as not tried. */
function outcomesOf(
  runs: readonly EncodedAppend[],
  answers: readonly AppendAnswer[],
): readonly AppendOutcome[] {
  const outcomes: AppendOutcome[] = [];
  for (const [index, run] of runs.entries()) {
    const before = outcomes.at(-1);
    const isTried = !before || before.status === 'appended';
    outcomes.push(isTried ? outcomeOf(run, answers[index]) : { status: 'skipped' });
  }
  return outcomes;
}

function outcomeOf(run: EncodedAppend, answer: AppendAnswer | undefined): AppendOutcome {
  if (!answer) throw new Error('an append without an answer');
  switch (answer.kind) {
    case 'landed': {
      const { revision, position } = answer;
      if (position === undefined || revision !== run.expectedRevision + run.events.length)
        throw new StoreUnavailable('the event store answered as to a repeated append');
      return { status: 'appended', revision, position };
    }
    case 'elsewhere':
      return { status: 'conflict', actualRevision: answer.actualRevision };
    case 'refused':
      throw new InvalidEvent(`${run.stream}: the event store refuses: ${answer.reason}`);
    case 'unknown':
      throw new StoreUnavailable(answer.reason);
  }
}
