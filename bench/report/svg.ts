/** Two small plots in SVG. */
import type { Measured, Row } from '../cell.js';
import { escaped } from './markup.js';

const WIDTH = 960;
const LEFT = 380;
const RIGHT = 20;
const ROW = 30;
const TOP = 30;
const COLOURS = { reached: '#14733b', short: '#b3261e', inconclusive: '#8a6100' };
const SIDES = ['#1f5fbf', '#8a8a8a'];

/** All ratios on one logarithmic axis, with their intervals and bars. */
export function ratioPlot(rows: readonly Row[]): string {
  const values = rows.flatMap(({ ratio, low, high, target, here }) =>
    [ratio, low, high, target, here].filter((value) => value > 0 && Number.isFinite(value)),
  );
  if (values.length === 0) return '';
  const [least, most] = [Math.min(...values) * 0.9, Math.max(...values) * 1.1];
  const scale = (value: number): number => {
    const clamped = Math.min(Math.max(value, least), most);
    const part = Math.log(clamped / least) / Math.log(most / least);
    return LEFT + part * (WIDTH - LEFT - RIGHT);
  };
  const height = TOP + rows.length * ROW + 10;
  const ticks = TICKS.filter((tick) => tick >= least && tick <= most);
  return svg(height, [
    ...ticks.flatMap((tick) => [
      line(scale(tick), TOP - 8, scale(tick), height - 6, '#e4e4e4'),
      text(scale(tick), TOP - 14, String(tick), 'middle'),
    ]),
    ...rows.flatMap((row, index) => ratioRow(row, TOP + index * ROW + ROW / 2, scale)),
  ]);
}

const TICKS = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 20, 50];

function ratioRow(row: Row, y: number, scale: (value: number) => number): string[] {
  const colour = COLOURS[row.verdict];
  const { id, name, ratio, low, high, target, here } = row;
  return [
    text(0, y + 4, `${id}  ${name}`.slice(0, 62)),
    line(scale(low), y, scale(high), y, colour, 3),
    `<circle cx="${at(scale(ratio))}" cy="${y}" r="5" fill="${colour}"/>`,
    line(scale(target), y - 10, scale(target), y + 10, '#222', 2),
    line(scale(here), y - 10, scale(here), y + 10, '#222', 1, '3 3'),
  ];
}

/** The samples of both sides from zero up, in the order in which they were taken. */
export function samplePlot(sides: readonly Measured[]): string {
  const most = Math.max(...sides.flatMap(({ samples }) => samples)) * 1.05;
  const scale = (value: number): number => LEFT + (value / most) * (WIDTH - LEFT - RIGHT);
  const height = sides.length * ROW * 1.4 + 10;
  const marks = sides.flatMap(({ name, samples, median, unit }, side) => {
    const y = 20 + side * ROW * 1.4;
    const colour = SIDES[side] ?? '#222';
    const step = 14 / Math.max(1, samples.length - 1);
    return [
      text(0, y + 4, `${name}: median ${median.toPrecision(4)}${unit}`),
      line(LEFT, y, WIDTH - RIGHT, y, '#e4e4e4'),
      line(scale(median), y - 12, scale(median), y + 12, colour, 2),
      ...samples.map((sample, round) => {
        const cy = at(y - 7 + round * step);
        const place = `cx="${at(scale(sample))}" cy="${cy}"`;
        return `<circle ${place} r="4" fill="${colour}" opacity="0.6"/>`;
      }),
    ];
  });
  return svg(height, marks);
}

const svg = (height: number, marks: readonly string[]): string =>
  `<svg viewBox="0 0 ${WIDTH} ${at(height)}" role="img">${marks.join('')}</svg>`;

function line(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  colour: string,
  width = 1,
  dash = '',
): string {
  const dashes = dash ? ` stroke-dasharray="${dash}"` : '';
  const ends = `x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"`;
  return `<line ${ends} stroke="${colour}" stroke-width="${width}"${dashes}/>`;
}

const text = (x: number, y: number, words: string, anchor = 'start'): string =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${escaped(words)}</text>`;

const at = (value: number): string => value.toFixed(1);
