/** A storm as people read it. */
import type { StormReport } from './run-storm.js';

export function tableOf({ stricken, load, told, calmInMs, findings, verify }: StormReport): string {
  const rows = stricken.map((one, index) => {
    const { strike, afterMs, again, promisedSoFar, recoveredInMs, slowestMs } = one;
    return [index + 1, strike, afterMs, again, promisedSoFar, recoveredInMs, slowestMs].map(String);
  });
  const head = ['#', 'strike', 'after ms', 'again', 'promised', 'recovered in ms', 'slowest ms'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ');
  const { accepted, repeated, cancels, reads, unanswered, unavailable } = load.counts;
  return [
    ...[head, ...rows].map(line),
    `${accepted} accepted, ${repeated} asked again, ${cancels} cancels, ${reads} reads`,
    `${unanswered} unanswered, ${unavailable} answered 503`,
    `${told} webhooks told; calm after ${calmInMs} ms; ${findings.length} findings`,
    `verify exits ${verify.code}`,
  ].join('\n');
}
