import { expect } from 'chai';
import { csvLine, textCell } from './csv.js';

describe('CSV', () => {
  const cells: readonly [text: string | null, cell: string][] = [
    [null, ''],
    ['', ''],
    ['plain text', 'plain text'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\r\nlines', '"two\r\nlines"'],
    [' padded ', '" padded "'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', `"'\r=1"`],
    ['=cmd|"/c calc"!A1,x', `"'=cmd|""/c calc""!A1,x"`],
    ['川', '川'],
  ];
  for (const [text, cell] of cells)
    it(`writes ${JSON.stringify(text)} as ${JSON.stringify(cell)}`, () =>
      expect(textCell(text)).to.equal(cell));

  it('ends each line as RFC 4180 says', () => expect(csvLine(['a', 'b'])).to.equal('a,b\r\n'));
});
