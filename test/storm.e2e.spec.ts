/** A small storm; `make storm` is a big one. */
import { expect } from 'chai';
import { runStorm, type StormReport } from './storm/run-storm.js';
import { tableOf } from './storm/table.js';

const seed = process.env['STORM_SEED'] ?? String(Date.now());

describe('after a storm', function () {
  this.timeout(240_000);
  let report: StormReport;
  before(async () => {
    console.log(`    STORM_SEED=${seed}`);
    report = await runStorm({
      seed,
      strikes: [
        ...(['process', 'process', 'process', 'process', 'process'] as const),
        ...(['postmaster', 'backends', 'postmaster', 'backends', 'postmaster'] as const),
        ...(['everything', 'everything', 'restart'] as const),
      ],
      lanes: 20,
    });
    console.log(tableOf(report).replaceAll(/^/gm, '    '));
  });

  it('every promise is kept: executions, money, provider calls, webhooks', () => {
    expect(report.findings.slice(0, 50)).to.deep.equal([]);
  });

  it('the auditor finds nothing', () => {
    expect(report.verify.code, report.verify.output).to.equal(0);
  });

  it('there was a storm', () => {
    expect(report.load.counts.accepted).to.be.above(200);
    expect(report.load.counts.unanswered + report.load.counts.unavailable).to.be.above(10);
    expect(report.told).to.be.above(50);
  });
});
