/**
 * Cells and how they are measured: the sides of a cell take turns, A B, B A, A B, … so that what
 * slows the machine for a while slows all of them, and each turn starts after a checkpoint of the
 * database.
 */
import type { Databases } from './database.js';
import type { Settings } from './settings.js';
import { median, pairedRatio, spread } from './statistics.js';

export interface Bench {
  readonly settings: Settings;
  readonly databases: Databases;
}

/** A group of comparisons that share their set-up. */
export interface Cell {
  readonly ids: readonly string[];
  readonly title: string;
  /** Takes so long that it is measured only when NAME asks for it. */
  readonly onRequest?: true;
  /** `wants` tells which of the ids are asked for. */
  open(bench: Bench, wants: (id: string) => boolean): Promise<OpenCell>;
}

/** The cell cannot be measured on this machine, which is no failure; the message says why. */
export class CellSkipped extends Error {}

/** What one turn of one side gives, by metric. */
type Sample = Readonly<Record<string, number>>;

export interface Side {
  readonly name: string;
  /** Takes one sample; `warmUp` samples are thrown away. */
  measure(warmUp: boolean): Promise<Sample>;
}

/** The ratio of two sides that stands in the table. */
export interface Comparison {
  readonly id: string;
  readonly name: string;
  readonly a: Side;
  readonly b: Side;
  readonly metric: string;
  readonly unit: string;
  /** Where we are going (quality.md), and what this release must reach, if that is less. */
  readonly target: number;
  readonly here?: number;
  readonly atMost?: boolean;
}

interface OpenCell {
  readonly comparisons: readonly Comparison[];
  /** What was found wrong; speed by losing work is not speed. Asked once all rounds are done. */
  check(): Promise<readonly string[]>;
  /** What a reader of the table should know beside the figures. */
  notes?(): readonly string[];
  close(): Promise<void>;
}

type Verdict = 'reached' | 'short' | 'inconclusive';

export interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly spread: number;
  readonly samples: readonly number[];
}

/** One row of the table, as it stands in latest.json. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly target: number;
  readonly verdict: Verdict;
  readonly absolutes: { readonly a: Measured; readonly b: Measured };
  readonly atMost: boolean;
  readonly here: number;
  readonly hereVerdict: Verdict;
  readonly violations: readonly string[];
  readonly notes: readonly string[];
}

/** A baseline that varies by more is no measure of anything. */
const SPREAD_MAX = 0.15;

interface MeasureOptions {
  readonly rounds: number;
  /** Run before every turn. */
  readonly settle: () => Promise<void>;
  readonly say: (line: string) => void;
  readonly isStopped: () => boolean;
}

export async function measureCell(cell: OpenCell, options: MeasureOptions): Promise<Row[]> {
  const { rounds, settle, say, isStopped } = options;
  const sides = [...new Set(cell.comparisons.flatMap(({ a, b }) => [a, b]))];
  const samples = new Map<Side, Sample[]>(sides.map((side) => [side, []]));
  for (const side of sides) {
    await settle();
    say(`    warm-up    ${side.name}: ${described(await side.measure(true))}`);
  }
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? sides : [...sides].reverse();
    for (const side of order) {
      if (isStopped()) throw new Error('stopped');
      await settle();
      const sample = await side.measure(false);
      samples.get(side)?.push(sample);
      say(`    round ${round + 1}/${rounds}  ${side.name}: ${described(sample)}`);
    }
  }
  const violations = await cell.check();
  const notes = cell.notes?.() ?? [];
  return cell.comparisons.map((comparison) => rowOf(comparison, samples, violations, notes));
}

function rowOf(
  comparison: Comparison,
  samples: ReadonlyMap<Side, readonly Sample[]>,
  violations: readonly string[],
  notes: readonly string[],
): Row {
  const { id, name, metric, unit, target, here = target, atMost = false } = comparison;
  const measured = (side: Side): Measured => {
    const values = (samples.get(side) ?? []).map((sample) => sample[metric] ?? NaN);
    const figures = { median: median(values), spread: spread(values), samples: values };
    return { name: side.name, unit, ...figures };
  };
  const [a, b] = [measured(comparison.a), measured(comparison.b)];
  const interval = pairedRatio(a.samples, b.samples);
  const judge = (bar: number): Verdict => {
    if (violations.length > 0) return 'short';
    if (b.spread > SPREAD_MAX) return 'inconclusive';
    return (atMost ? interval.ratio <= bar : interval.ratio >= bar) ? 'reached' : 'short';
  };
  return {
    id,
    name,
    ...interval,
    target,
    verdict: judge(target),
    absolutes: { a, b },
    atMost,
    here,
    hereVerdict: judge(here),
    violations,
    notes,
  };
}

const described = (sample: Sample): string =>
  Object.entries(sample)
    .map(([metric, value]) => `${metric} ${value.toPrecision(4)}`)
    .join(', ');
