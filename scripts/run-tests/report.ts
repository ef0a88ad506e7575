/** What a run of the specs prints: each file whole, then what was skipped, slow and wrong. */
import type { Ran } from './lane.js';

export interface Report {
  /** A file's output is printed in one piece, whatever else runs beside it. */
  add(path: string, ran: Ran): void;
  /** Files with a failure. */
  failed(): readonly string[];
  /**
   * A file that had failed beside others was run alone, which is said with what failed before.
   * Where it passed, that stands, and the file is named as unsteady; else the new failures stand.
   */
  again(path: string, ran: Ran): void;
  /** What went wrong outside of any file. */
  addFailure(text: string): void;
  took(): ReadonlyMap<string, number>;
  /** Its last line counts the specs that passed, failed and were skipped; true when none failed. */
  close(): boolean;
}

const SLOWEST_SHOWN = 10;

export function openReport(print: (text: string) => void): Report {
  const ran = new Map<string, Ran>();
  const elsewhere: string[] = [];
  const unsteady: string[] = [];
  const show = (path: string, one: Ran): void => {
    print(`${path} (${seconds(one.tookMs)})\n${one.output.trimEnd()}\n\n`);
    for (const text of one.outcome.failures) print(`${text}\n\n`);
    ran.set(path, one);
  };
  return {
    add: show,
    failed: () => [...ran].flatMap(([path, one]) => (hasFailed(one) ? [path] : [])),
    again(path, one) {
      const before = ran.get(path)?.outcome.failures ?? [];
      const why = `${path} failed beside others\n${before.join('\n')}`;
      print(`run again, alone: ${why}\n\n`);
      show(path, one);
      if (!hasFailed(one)) unsteady.push(why);
    },
    addFailure: (text) => void elsewhere.push(text),
    took: () => new Map([...ran].map(([path, { tookMs }]) => [path, tookMs])),
    close() {
      const outcomes = [...ran].map(([path, { outcome }]) => ({ path, ...outcome }));
      const skips = outcomes.flatMap((one) => one.skips);
      const failures = [
        ...outcomes.flatMap((one) => one.failures.map((text) => `${one.path}\n${text}`)),
        ...elsewhere,
      ];
      const passed = outcomes.reduce((sum, one) => sum + one.passed, 0);
      const slowest = [...ran].sort(([, a], [, b]) => b.tookMs - a.tookMs).slice(0, SLOWEST_SHOWN);
      for (const { title, reason } of skips) print(`skipped: ${title} (${reason})\n`);
      for (const [path, { tookMs }] of slowest)
        print(`slowest: ${seconds(tookMs).padStart(7)}  ${path}\n`);
      for (const text of unsteady) print(`\nunsteady: ${text}\n`);
      for (const text of failures) print(`\nfailed: ${text}\n`);
      print(`${passed} passed, ${failures.length} failed, ${skips.length} skipped\n`);
      return failures.length === 0;
    },
  };
}

const hasFailed = ({ outcome }: Ran): boolean => outcome.failures.length > 0;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
