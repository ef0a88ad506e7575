/** What a run of the specs prints: each file whole, then what was skipped, slow and wrong. */
import type { Ran } from './lane.js';

export interface Report {
  /** A file's output is printed in one piece, whatever else runs beside it. */
  add(path: string, ran: Ran): void;
  /** What went wrong outside of any file. */
  addFailure(text: string): void;
  took(): ReadonlyMap<string, number>;
  /** Its last line counts the specs that passed, failed and were skipped; true when none failed. */
  close(): boolean;
}

const SLOWEST_SHOWN = 10;

export function openReport(print: (text: string) => void): Report {
  const took = new Map<string, number>();
  const failures: string[] = [];
  const skips: string[] = [];
  let passed = 0;
  return {
    add(path, { outcome, output, tookMs }) {
      took.set(path, tookMs);
      passed += outcome.passed;
      print(`${path} (${seconds(tookMs)})\n${output.trimEnd()}\n\n`);
      for (const text of outcome.failures) {
        failures.push(`${path}\n${text}`);
        print(`${text}\n\n`);
      }
      skips.push(...outcome.skips.map(({ title, reason }) => `${title} (${reason})`));
    },
    addFailure: (text) => void failures.push(text),
    took: () => took,
    close() {
      const slowest = [...took].sort(([, a], [, b]) => b - a).slice(0, SLOWEST_SHOWN);
      for (const text of skips) print(`skipped: ${text}\n`);
      for (const [path, ms] of slowest) print(`slowest: ${seconds(ms).padStart(7)}  ${path}\n`);
      for (const text of failures) print(`\nfailed: ${text}\n`);
      print(`${passed} passed, ${failures.length} failed, ${skips.length} skipped\n`);
      return failures.length === 0;
    },
  };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
