import { expect } from 'chai';
import pg from 'pg';
import { databaseTrouble, isDatabaseTrouble } from './database-trouble.js';

const URL = 'postgres://user:secret@db.example:5432/modelroute';

const refused = (code: string): Error =>
  Object.assign(new pg.DatabaseError(`it says ${code}`, 0, 'error'), { code });

const failed = (code: string): Error => Object.assign(new Error(`${code} db.example`), { code });

describe('trouble with the database', () => {
  for (const [error, words] of [
    [refused('25006'), /a standby, .*name the primary/],
    [refused('53300'), /raise its max_connections/],
    [refused('57P03'), /starting or stopping/],
    [refused('08P01'), /a pooler must/],
    [refused('28P01'), /check DATABASE_URL/],
    [refused('40001'), /check DATABASE_URL/],
    [failed('ECONNREFUSED'), /check DATABASE_URL/],
    [failed('ECONNRESET'), /check DATABASE_URL/],
    [failed('EHOSTUNREACH'), /check DATABASE_URL/],
    [failed('SELF_SIGNED_CERT_IN_CHAIN'), /check DATABASE_URL/],
    [failed('ERR_TLS_CERT_ALTNAME_INVALID'), /check DATABASE_URL/],
    [new Error('The server does not support SSL connections'), /check DATABASE_URL/],
    [new Error('Query read timeout'), /check DATABASE_URL/],
  ] as const)
    it(`is one sentence with advice, and no password: ${error.message}`, () => {
      expect(isDatabaseTrouble(error)).to.equal(true);
      const { message } = databaseTrouble(URL, error);
      expect(message).to.match(words);
      expect(message).to.contain('db.example:5432/modelroute').and.contain(error.message);
      expect(message).not.to.contain('secret');
    });

  it('is no defect of ours, which keeps its stack', () => {
    const defects = [refused('42601'), new TypeError('x is not a function'), new Error('timed')];
    expect(defects.map(isDatabaseTrouble)).to.deep.equal([false, false, false]);
  });
});
