import { expect } from 'chai';
import type { Ran } from './lane.js';
import { openReport } from './report.js';

const ran = (passed: number, ...failures: string[]): Ran => ({
  outcome: { passed, failures, skips: [] },
  output: '',
  tookMs: 1,
  isLost: false,
});

describe('the report of a run of the specs', () => {
  const reportOf = () => {
    const printed: string[] = [];
    return { report: openReport((text) => void printed.push(text)), printed };
  };

  it('counts what passed and failed on its last line', () => {
    const { report, printed } = reportOf();
    report.add('a.spec.ts', ran(2));
    report.add('b.int.spec.ts', ran(1, 'wrong'));
    expect(report.failed()).to.deep.equal(['b.int.spec.ts']);
    expect(report.close()).to.equal(false);
    expect(printed.at(-1)).to.equal('3 passed, 1 failed, 0 skipped\n');
  });

  it('names a file as unsteady that passes alone, and counts it once', () => {
    const { report, printed } = reportOf();
    report.add('b.int.spec.ts', ran(1, 'too late'));
    report.again('b.int.spec.ts', ran(2));
    expect(report.close()).to.equal(true);
    expect(printed.join('')).to.contain('unsteady: b.int.spec.ts failed beside others\ntoo late');
    expect(printed.at(-1)).to.equal('2 passed, 0 failed, 0 skipped\n');
  });

  it('fails with a file that fails again, and with what went wrong outside of files', () => {
    const { report, printed } = reportOf();
    report.add('b.int.spec.ts', ran(1, 'too late'));
    report.again('b.int.spec.ts', ran(1, 'too late again'));
    report.addFailure('a server was left');
    expect(report.close()).to.equal(false);
    const text = printed.join('');
    expect(text).to.contain('run again, alone: b.int.spec.ts failed beside others\ntoo late\n');
    expect(text).to.contain('failed: b.int.spec.ts\ntoo late again');
    expect(printed.at(-1)).to.equal('1 passed, 2 failed, 0 skipped\n');
  });
});
