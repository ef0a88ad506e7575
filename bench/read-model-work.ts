/** All read models of a log made anew, by a process of its own each time; see R6. */
import type {
  ReadModelWorkAnswer,
  ReadModelWorkAsk,
  ReadModelWorkConfig,
} from './baselines/read-model-work.js';
import type { Side } from './cell.js';
import { startPart } from './children.js';
import type { GrownLog } from './grown-log.js';

type Way = ReadModelWorkAsk['do'];

/** Events of the log for each second in which all read models were made. */
export const readModelSide = ({ url, events }: GrownLog, way: Way): Side => ({
  name: `${way} of ${events}`,
  async measure() {
    const { events: all, seconds, cpuSeconds, peakMib } = await makeReadModels(url, way);
    const cpuUs = (cpuSeconds * 1e6) / all;
    return { perSecond: all / seconds, cpuUs, peakMib };
  },
});

export async function makeReadModels(url: string, way: Way): Promise<ReadModelWorkAnswer> {
  const config: ReadModelWorkConfig = { url };
  const part = await startPart<null, ReadModelWorkAsk, ReadModelWorkAnswer>(
    'baselines/read-model-work.js',
    config,
  );
  try {
    return await part.ask({ do: way });
  } finally {
    await part.stop();
  }
}
