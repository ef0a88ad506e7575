/**
 * The bytes of a file of events, a function of them alone. A process that also serves requests is
 * never kept from them for longer than a portion of them takes, some ten milliseconds.
 */
import { promisify } from 'node:util';
import { setImmediate as next } from 'node:timers/promises';
import { gzip } from 'node:zlib';
import type { ColumnSource } from 'hyparquet-writer';
import type { ExportFormat } from '../../contracts/http/exports.js';
import { cloudEventText, type NumberedEvent } from '../../domain/feed/cloud-event.js';
import { exportColumns } from './columns.js';

const compressed = promisify(gzip);

const ROWS_AT_ONCE = 250;

export const encodeEvents: Record<
  ExportFormat,
  (events: readonly NumberedEvent[]) => Promise<Buffer>
> = { 'ndjson.gz': encodeLines, parquet: encodeParquet };

/** One CloudEvent a line, as the feed has it. */
async function encodeLines(events: readonly NumberedEvent[]): Promise<Buffer> {
  const texts: string[] = [];
  for (const rows of portionsOf(events)) {
    texts.push(rows.map((event) => `${cloudEventText(event)}\n`).join(''));
    await next();
  }
  return compressed(texts.join(''));
}

async function encodeParquet(events: readonly NumberedEvent[]): Promise<Buffer> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer');
  const writer = new ByteWriter();
  const schema = schemaFromColumnData({ columnData: columnsOf([]) });
  const file = new ParquetWriter({ writer, schema, createdBy: 'modelroute' });
  for (const rows of portionsOf(events)) {
    await file.write({ columnData: columnsOf(rows), rowGroupSize: ROWS_AT_ONCE });
    await next();
  }
  await file.finish();
  return Buffer.from(writer.getBuffer());
}

function columnsOf(events: readonly NumberedEvent[]): ColumnSource[] {
  const parsed = events.map(({ data }) => JSON.parse(data) as Readonly<Record<string, unknown>>);
  return exportColumns.map(({ name, type, of }) => ({
    name,
    type,
    // The least and the greatest of whole documents are of no use to anybody.
    statistics: type !== 'JSON',
    data: events.map((event, n) => of(event, parsed[n] ?? {})),
  }));
}

function* portionsOf(events: readonly NumberedEvent[]): Generator<readonly NumberedEvent[]> {
  for (let from = 0; from < events.length; from += ROWS_AT_ONCE)
    yield events.slice(from, from + ROWS_AT_ONCE);
}
