/** What the faults did, as people read it. */
import type { FaultsReport, Struck } from './run-faults.js';
import { tableOf } from './table.js';

const seconds = (ms: number): string => (ms / 1000).toFixed(1);

const HEAD = [
  ...['fault', 'lasted s', 'recovered in s'],
  ...['accepted meanwhile', 'unavailable', 'slowest answer s'],
];

/** One line per fault, as it is over. */
export const struckLine = (one: Struck): string =>
  `${one.fault}: recovered in ${seconds(one.recoveredInMs)} s (lasted ${seconds(one.lastedMs)} s)`;

export function faultsTable(report: FaultsReport): string {
  const { struck, load, perSecond, told, calmInMs, findings, verify } = report;
  const { accepted, repeated, cancels, reads, unanswered, unavailable } = load.counts;
  const rows = struck.map((one) => [
    ...[one.fault, seconds(one.lastedMs), seconds(one.recoveredInMs)],
    ...[one.acceptedMeanwhile, one.unavailable, seconds(one.slowestMs)],
  ]);
  return [
    tableOf(HEAD, rows),
    `${accepted} accepted (${perSecond.toFixed(0)}/s), ${repeated} asked again, ` +
      `${cancels} cancels, ${reads} reads; ${unanswered} unanswered, ${unavailable} answered 503`,
    `${told} webhooks told; calm after ${calmInMs} ms; ${findings.length} findings`,
    `verify exits ${verify.code}`,
  ].join('\n');
}
