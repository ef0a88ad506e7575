/**
 * A provider's invoice as CSV with a head: a column with the key that we sent, and one with the
 * amount in US dollars. Further columns are let be.
 */
import { parseMoney, type Micros } from '../../contracts/money.js';
import { StartError } from '../../infra/start-error.js';

export interface InvoiceLine {
  /** In the file, from 2: the head is line 1. */
  readonly line: number;
  readonly key: string;
  readonly amount: Micros;
}

const KEYS = ['dispatch_key', 'idempotency_key', 'provider_job_id', 'execution_id', 'key', 'id'];
const AMOUNTS = ['amount', 'cost', 'total', 'amount_usd'];

const LINES_MAX = 1_000_000;

/** Throws `StartError` that names the line. */
export function invoiceIn(text: string): readonly InvoiceLine[] {
  const [head, ...rows] = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const names = cellsIn(head ?? '').map((name) => name.toLowerCase());
  const at = (wanted: readonly string[]) =>
    names.indexOf(wanted.find((name) => names.includes(name)) ?? '');
  const [key, amount] = [at(KEYS), at(AMOUNTS)];
  if (key < 0) throw new StartError(`The invoice has no column ${KEYS.join(', ')}.`);
  if (amount < 0) throw new StartError(`The invoice has no column ${AMOUNTS.join(', ')}.`);
  if (rows.length > LINES_MAX) throw new StartError(`The invoice has over ${LINES_MAX} lines.`);
  return rows.flatMap((row, index): InvoiceLine[] => {
    if (row.trim() === '') return [];
    const line = index + 2;
    const cells = cellsIn(row);
    const [named, written = ''] = [cells[key], cells[amount]];
    const micros = parseMoney(written.replace(/^\$/, ''));
    if (!named) throw new StartError(`Line ${line} of the invoice has no ${names[key]}.`);
    if (micros === undefined)
      throw new StartError(`Line ${line} of the invoice: '${written}' is no amount in dollars.`);
    return [{ line, key: named, amount: micros }];
  });
}

/** RFC 4180, of one line: a cell with a comma or a quote is quoted. */
function cellsIn(row: string): readonly string[] {
  const cells = row.match(/(?:^|,)(?:"(?:[^"]|"")*"|[^,]*)/g) ?? [];
  return cells.map((cell, index) => {
    const text = (index === 0 ? cell : cell.slice(1)).trim();
    return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
  });
}
