/**
 * Which files events become: one for each hour (UTC) in which some of them happened, by their own
 * times, named by the numbers of the first and the last of them. The same events in the same order
 * give the same files.
 */
import type { FileFormat } from '../../contracts/http/exports.js';
import { encodeEvents } from './encode.js';
import type { FileStore } from './file-store.js';
import type { ExportedEvent, ExportPlan, ExportSink } from './port.js';

interface ExportFile {
  readonly name: string;
  readonly events: readonly ExportedEvent[];
}

export interface FileSettings {
  readonly format: FileFormat;
  /** What only operators know is in the files too. */
  readonly hasOperators: boolean;
}

/** Writes one file after another, and stops between two when the signal aborts. */
export const filesSink = (store: FileStore, settings: FileSettings): ExportSink => ({
  async write(plan, signal) {
    const files = filesOf(plan, settings.format);
    for (const { name, events } of files) {
      const bytes = await encodeEvents[settings.format](events, settings.hasOperators);
      if (signal.aborted) break;
      await store.put(name, bytes);
      if (signal.aborted) break;
    }
    return files.map(({ name }) => name);
  },
  close: () => store.close(),
});

function filesOf(events: ExportPlan, format: FileFormat): readonly ExportFile[] {
  const hours = new Map<string, ExportedEvent[]>();
  for (const exported of events) {
    const hour = exported.event.at.slice(0, 'yyyy-mm-ddThh'.length);
    const others = hours.get(hour);
    if (others) others.push(exported);
    else hours.set(hour, [exported]);
  }
  return [...hours].map(([hour, within]) => ({
    name: `${folderOf(hour)}/${rangeOf(within)}.${format}`,
    events: within,
  }));
}

/** Hive's way, which DuckDB, Athena, Spark and BigQuery read. */
function folderOf(hour: string): string {
  const [day, hours] = hour.split('T');
  return `day=${day}/hour=${hours}`;
}

const DIGITS = 16;

const rangeOf = (events: readonly ExportedEvent[]): string =>
  [events[0], events.at(-1)]
    .map((one) => String(one?.number ?? 0n).padStart(DIGITS, '0'))
    .join('-');
