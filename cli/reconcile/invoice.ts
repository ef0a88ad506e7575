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
  const [head, ...rows] = rowsIn(text.replace(/^\ufeff/, ''));
  const names = (head?.cells ?? []).map((name) => name.toLowerCase());
  const at = (wanted: readonly string[]) =>
    names.indexOf(wanted.find((name) => names.includes(name)) ?? '');
  const [key, amount] = [at(KEYS), at(AMOUNTS)];
  if (key < 0) throw new StartError(`The invoice has no column ${KEYS.join(', ')}.`);
  if (amount < 0) throw new StartError(`The invoice has no column ${AMOUNTS.join(', ')}.`);
  return rows.map(({ line, cells }): InvoiceLine => {
    const [named, written = ''] = [cells[key], cells[amount]];
    if (!named) throw new StartError(`Line ${line} of the invoice has no ${names[key]}.`);
    const micros = parseMoney(written.replace(/^(-?)\$/, '$1'));
    if (micros === undefined)
      throw new StartError(`Line ${line} of the invoice: '${written}' is no amount in dollars.`);
    return { line, key: named, amount: micros };
  });
}

interface Row {
  /** On which it begins. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** A cell, quoted or not, and what ends it; RFC 4180, also with semicolons instead of commas. */
const CELLS = {
  ',': /[ \t]*(?:"((?:[^"]|"")*)"[ \t]*|([^",\r\n][^,\r\n]*)?)(,|\r?\n|\r|$)/y,
  ';': /[ \t]*(?:"((?:[^"]|"")*)"[ \t]*|([^";\r\n][^;\r\n]*)?)(;|\r?\n|\r|$)/y,
};

/** As spreadsheets write where a comma is the decimal sign; the head tells. */
const separatorOf = (text: string): keyof typeof CELLS => (/^[^,\r\n]*;/.test(text) ? ';' : ',');

/** A quoted cell may have commas and ends of lines; rows of nothing are left out. */
function rowsIn(text: string): readonly Row[] {
  const rows: Row[] = [];
  let [line, began] = [1, 1];
  let cells: string[] = [];
  const separator = separatorOf(text);
  const cell = new RegExp(CELLS[separator]);
  while (cell.lastIndex < text.length || cells.length > 0) {
    const found = cell.exec(text);
    if (!found) throw new StartError(`Line ${line} of the invoice has a quote that is not closed.`);
    const [all, quoted, plain = '', end] = found;
    cells.push((quoted?.replaceAll('""', '"') ?? plain).trim());
    line += all.match(END_OF_LINE)?.length ?? 0;
    if (end === separator) continue;
    if (cells.some((one) => one !== '')) rows.push({ line: began, cells });
    if (rows.length > LINES_MAX + 1)
      throw new StartError(`The invoice has over ${LINES_MAX} lines.`);
    [began, cells] = [line, []];
  }
  return rows;
}

const END_OF_LINE = /\r\n|\r|\n/g;
