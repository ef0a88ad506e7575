/** An invoice against what the log says. */
import { expect } from 'chai';
import type { Attempt } from './attempts.js';
import { invoiceIn } from './invoice.js';
import { matchesOf } from './match.js';

const attempt = (number: number, providerCost?: bigint): Attempt => ({
  executionId: `exec_${number}`,
  attempt: 1,
  dispatchKey: `d${number}`,
  at: '2026-01-31T12:00:00.000Z',
  estimate: 5_000n,
  holdAmount: 10_000n,
  outcome: providerCost === undefined ? 'failed' : 'succeeded',
  ...(providerCost !== undefined && { providerCost, charge: 4_000n }),
});

describe('reconcile', () => {
  it('reads a CSV by its head, with quotes, signs of dollars and lines of nothing', () => {
    const text =
      '\ufeffDate,"Idempotency_Key",Note,Amount\r\n1,d1,"a, ""b""",$0.002\r\n\r\n2,d2,,0.1\r\n';
    expect(invoiceIn(text)).to.deep.equal([
      { line: 2, key: 'd1', amount: 2_000n },
      { line: 4, key: 'd2', amount: 100_000n },
    ]);
  });

  it('reads cells of nothing, of several lines, and credits', () => {
    const text = [
      'note,key,amount',
      ',d1,0.5',
      '"two\nlines",d2,-$0.25',
      ',,',
      ' " d3 " , "d3" , "0.1"',
      'x,d4,1',
    ];
    const lines = [
      { line: 2, key: 'd1', amount: 500_000n },
      { line: 3, key: 'd2', amount: -250_000n },
      { line: 6, key: 'd3', amount: 100_000n },
      { line: 7, key: 'd4', amount: 1_000_000n },
    ];
    expect(invoiceIn(text.join('\n'))).to.deep.equal(lines);
    expect(invoiceIn(`${text.join('\r\n')}\r\n`)).to.deep.equal(lines);
    expect(invoiceIn('key,amount')).to.deep.equal([]);
  });

  it('reads a hundred thousand lines at once', () => {
    const rows = Array.from({ length: 100_000 }, (_, n) => `"d${n}",0.00${n % 10}`);
    expect(invoiceIn(['key,amount', ...rows].join('\r\n'))).to.have.length(100_000);
  });

  it('names what it cannot read', () => {
    expect(() => invoiceIn('')).to.throw('no column dispatch_key');
    expect(() => invoiceIn('key,amount\nd1,1\n"d2,1')).to.throw(
      'Line 3 of the invoice has a quote',
    );
    expect(() => invoiceIn('key,amount\nd1,"1,5"')).to.throw("'1,5' is no amount");
    expect(() => invoiceIn('a,b\n1,2')).to.throw('no column dispatch_key');
    expect(invoiceIn('key;note;amount\nd1;"a; b, c";0.5\n')).to.deep.equal([
      { line: 2, key: 'd1', amount: 500_000n },
    ]);
    expect(() => invoiceIn('key;amount\nd1;0,5')).to.throw("Line 2 of the invoice: '0,5'");
    expect(() => invoiceIn('key,b\n1,2')).to.throw('no column amount');
    expect(() => invoiceIn('key,amount\nd1,much')).to.throw("Line 2 of the invoice: 'much'");
    expect(() => invoiceIn('key,amount\n,1')).to.throw('Line 2 of the invoice has no key');
  });

  it('says of each line what it is, and what the invoice lacks', () => {
    const attempts = [attempt(1, 2_000n), attempt(2, 2_000n), attempt(3), attempt(4, 7n)];
    const lines = ['key,amount', 'd1,0.002', 'exec_2,0.003', 'd3,0.001', 'd1,0.002', 'd9,1'];
    const matches = matchesOf(invoiceIn(lines.join('\n')), attempts);
    expect(
      matches.map(({ state, line, attempt: of, difference }) => [
        state,
        line?.line,
        of?.dispatchKey,
        difference,
      ]),
    ).to.deep.equal([
      ['equal', 2, 'd1', 0n],
      ['differs', 3, 'd2', 1_000n],
      ['differs', 4, 'd3', 1_000n],
      ['twice', 5, 'd1', 2_000n],
      ['unknown', 6, undefined, 1_000_000n],
      ['not_invoiced', undefined, 'd4', -7n],
    ]);
  });
});
