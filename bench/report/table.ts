/** The table, for a terminal and for a page. */
import type { Measured, Row } from '../cell.js';

export interface RunFacts {
  readonly at: string;
  readonly machine: string;
  readonly database: string;
  readonly turns: string;
  readonly minutes: number;
}

export const HEADINGS = [
  '',
  'A ÷ B',
  'A',
  'B',
  'ratio',
  '95 %',
  'target',
  'verdict',
  'here',
  'verdict',
];

export function textTable(rows: readonly Row[], facts: RunFacts): string {
  const cells = [HEADINGS, ...rows.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => width(row[column]))));
  const lines = cells.map((row) =>
    row
      .map((text, column) => text + ' '.repeat((widths[column] ?? 0) - width(text)))
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((length) => '─'.repeat(length)).join('  ');
  return [lines[0], rule, ...lines.slice(1), '', ...remarks(rows), ...footer(facts)].join('\n');
}

export function markdownTable(rows: readonly Row[], facts: RunFacts): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const notes = remarks(rows).map((remark) => `- ${remark}`);
  return [
    line(HEADINGS),
    line(HEADINGS.map(() => '---')),
    ...rows.map((row) => line(cellsOf(row))),
    '',
    ...notes,
    ...(notes.length > 0 ? [''] : []),
    footer(facts).join('  \n'),
    '',
  ].join('\n');
}

/** As many as there are headings. */
export function cellsOf(row: Row): string[] {
  const { id, name, ratio, low, high, target, verdict, absolutes, here, hereVerdict } = row;
  const bar = (value: number) => `${row.atMost ? '≤' : '≥'} ${value}`;
  const figures = [measuredText(absolutes.a), measuredText(absolutes.b), figure(ratio)];
  const interval = `${figure(low)} – ${figure(high)}`;
  const judged = [bar(target), verdict, bar(here), hereVerdict];
  return [id, name, ...figures, interval, ...judged];
}

/** Median, and how far the farthest sample lies from it. */
const measuredText = ({ median, spread, unit }: Measured): string =>
  `${absolute(median)}${unit} ± ${Math.round(spread * 100)} %`;

const absolute = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);

const figure = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(2) : String(value);

/** What rows of one cell share is said once, under the first of them. */
function remarks(rows: readonly Row[]): string[] {
  const said = new Map<string, string>();
  for (const { id, violations, notes } of rows)
    for (const remark of [...violations.map((found) => `VIOLATED: ${found}`), ...notes])
      if (!said.has(remark)) said.set(remark, id);
  return [...said].map(([remark, id]) => `${id}: ${remark}`);
}

const footer = ({ at, machine, database, turns, minutes }: RunFacts): string[] => [
  `${at}, ${machine}`,
  database,
  `${turns}; ± is the farthest sample from the median; the ratio is the geometric mean ` +
    `of the rounds, its interval Student's t on their logarithms; ${minutes.toFixed(1)} minutes`,
];

/** Every character of ours is one column wide. */
const width = (text = ''): number => [...text].length;
