/**
 * The bytes of a file of events, a function of them alone. A process that also serves requests is
 * never kept from them for longer than a portion of them takes, some ten milliseconds.
 */
import { promisify } from 'node:util';
import { setImmediate as next } from 'node:timers/promises';
import { gzip } from 'node:zlib';
import type { ColumnSource } from 'hyparquet-writer';
import type { FileFormat } from '../../contracts/http/exports.js';
import { cloudEventText, extendedCloudEventText } from '../../domain/feed/cloud-event.js';
import { exportColumns, operatorColumns } from './columns.js';
import { operatorAttributes } from './operator-attributes.js';
import type { ExportedEvent } from './port.js';

const compressed = promisify(gzip);

const ROWS_AT_ONCE = 250;

/** `hasOperators`: with what only operators know. */
export const encodeEvents: Record<
  FileFormat,
  (events: readonly ExportedEvent[], hasOperators: boolean) => Promise<Buffer>
> = { 'ndjson.gz': encodeLines, parquet: encodeParquet };

/** One CloudEvent a line, as the feed has it. */
async function encodeLines(events: readonly ExportedEvent[]): Promise<Buffer> {
  const texts: string[] = [];
  for (const rows of portionsOf(events)) {
    texts.push(rows.map((row) => `${textOf(row)}\n`).join(''));
    await next();
  }
  return compressed(texts.join(''));
}

const textOf = ({ event, operators }: ExportedEvent): string =>
  operators ? extendedCloudEventText(event, operatorAttributes(operators)) : cloudEventText(event);

async function encodeParquet(
  events: readonly ExportedEvent[],
  hasOperators: boolean,
): Promise<Buffer> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer');
  const writer = new ByteWriter();
  const schema = schemaFromColumnData({ columnData: columnsOf([], hasOperators) });
  const file = new ParquetWriter({ writer, schema, createdBy: 'modelroute' });
  for (const rows of portionsOf(events)) {
    await file.write({ columnData: columnsOf(rows, hasOperators), rowGroupSize: ROWS_AT_ONCE });
    await next();
  }
  await file.finish();
  return Buffer.from(writer.getBuffer());
}

function columnsOf(rows: readonly ExportedEvent[], hasOperators: boolean): ColumnSource[] {
  const parsed = rows.map(
    ({ event }) => JSON.parse(event.data) as Readonly<Record<string, unknown>>,
  );
  const tenants = exportColumns.map(({ name, type, of }) => ({
    name,
    type,
    // The least and the greatest of whole documents are of no use to anybody.
    statistics: type !== 'JSON',
    data: rows.map(({ event }, n) => of(event, parsed[n] ?? {})),
  }));
  if (!hasOperators) return tenants;
  const further = operatorColumns.map(({ name, type, of }) => ({
    name,
    type,
    data: rows.map(({ operators = {} }) => of(operators)),
  }));
  return [...tenants, ...further];
}

function* portionsOf(events: readonly ExportedEvent[]): Generator<readonly ExportedEvent[]> {
  for (let from = 0; from < events.length; from += ROWS_AT_ONCE)
    yield events.slice(from, from + ROWS_AT_ONCE);
}
