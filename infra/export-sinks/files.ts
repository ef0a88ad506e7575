/**
 * Which files events become: one for each hour (UTC) in which some of them happened, by their own
 * times, named by the numbers of the first and the last of them. The same events in the same order
 * give the same files.
 */
import type { ExportFormat } from '../../contracts/http/exports.js';
import type { NumberedEvent } from '../../domain/feed/cloud-event.js';

/** An event and its number in what is exported. */
export interface ExportedEvent {
  readonly number: bigint;
  readonly event: NumberedEvent;
}

export interface ExportFile {
  readonly name: string;
  readonly events: readonly NumberedEvent[];
}

export function filesOf(
  events: readonly ExportedEvent[],
  format: ExportFormat,
): readonly ExportFile[] {
  const hours = new Map<string, ExportedEvent[]>();
  for (const exported of events) {
    const hour = exported.event.at.slice(0, 'yyyy-mm-ddThh'.length);
    const others = hours.get(hour);
    if (others) others.push(exported);
    else hours.set(hour, [exported]);
  }
  return [...hours].map(([hour, within]) => ({
    name: `${folderOf(hour)}/${rangeOf(within)}.${format}`,
    events: within.map(({ event }) => event),
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
