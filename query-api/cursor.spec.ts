import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { Refusal } from '../http/server/route.js';
import { openCursors, type ListName } from './cursor.js';

const cursorsOf = (name: string) => {
  const cursorKey = createHash('sha256').update(name).digest();
  return openCursors({ secrets: { cursorKey } });
};
const requestWith = (cursor: string) => ({ queryValues: { limit: 5, cursor } }) as never;

describe('cursors', () => {
  const cursors = cursorsOf('one');
  const list: ListName = ['ledger', 'org_a'];
  const given = cursors.cursorOf(list, ['123456789', 1]);

  const read = (cursor: string, of = list, by = cursors) => {
    try {
      return by.pageOf(requestWith(cursor), of, ['position', 'number']).after;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return [error.code, ...(error.details ?? []).map(({ field, code }) => `${field} ${code}`)];
    }
  };
  const refused = ['INPUT_VALIDATION_ERROR', 'cursor unknown_cursor'];

  it('give the place again, to the list and the caller that they were given to', () => {
    expect(read(given)).to.deep.equal(['123456789', 1]);
    expect(read(given, ['ledger', 'org_b'])).to.deep.equal(refused);
    expect(read(given, ['holds', 'org_a'])).to.deep.equal(refused);
    expect(read(given, list, cursorsOf('another'))).to.deep.equal(refused);
  });

  it('show nothing of it, and are of one length', () => {
    expect(given).to.match(/^[A-Za-z0-9_-]{123}$/);
    expect(Buffer.from(given, 'base64url').toString('latin1')).not.to.include('123456789');
    expect(cursors.cursorOf(list, ['1', 0])).to.have.length(given.length);
    expect(cursors.cursorOf(list, ['123456789', 1])).to.equal(given);
    expect(cursors.cursorOf(['ledger', 'org_b'], ['123456789', 1])).not.to.equal(given);
  });

  it('are refused with any character changed, cut off or added', () => {
    for (let at = 0; at < given.length; at++) {
      const other = given[at] === 'A' ? 'B' : 'A';
      expect(read(given.slice(0, at) + other + given.slice(at + 1))).to.deep.equal(refused);
      expect(read(given.slice(0, at))).to.deep.equal(refused);
    }
    expect(read(`${given}A`)).to.deep.equal(refused);
    expect(read(`${given}AAAA`)).to.deep.equal(refused);
  });

  it('are refused where they are of another shape, as those of older releases are', () => {
    expect(read(cursors.cursorOf(list, ['123456789']))).to.deep.equal(refused);
    expect(read(cursors.cursorOf(list, [1, 1]))).to.deep.equal(refused);
    const older = Buffer.from('["ledger","123456789",1]').toString('base64url');
    expect(read(older)).to.deep.equal(refused);
  });
});
