/** Columns as the server reads them: each cell comes back as it was given. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { openPool } from '../../infra/postgres/pool.js';
import { freshDatabase } from '../../infra/postgres/testing/fresh-database.js';
import type { Cell, SqlType } from '../../infra/read-store/table.js';
import { binaryArray } from './binary-array.js';

describe('a column in binary form', () => {
  let pool: Pool;
  let drop: () => Promise<void>;
  before(async () => {
    const database = await freshDatabase();
    const log = pino({ enabled: false });
    pool = openPool(database.url, { max: 1, applicationName: 'modelroute spec', log });
    drop = () => database.drop();
  });
  after(async () => {
    await pool?.end();
    await drop?.();
  });

  const columnOf = (type: SqlType) => ({ name: 'c', type, of: (cell: Cell) => cell });
  const read = async (type: SqlType, cells: readonly Cell[]) => {
    const { rows } = await pool.query<{ c: string | null }>(
      `SELECT c::text FROM unnest($1::${type}[]) AS c`,
      [binaryArray(columnOf(type), cells)],
    );
    return rows.map(({ c }) => c ?? undefined);
  };

  it('has whole numbers of any sign and size', async () => {
    const values = [0n, 1n, -1n, 2n ** 32n, -(2n ** 32n) - 7n, 2n ** 53n, 2n ** 63n - 1n];
    const all = [...values, -(2n ** 53n) + 1n, -(2n ** 63n)];
    expect(await read('bigint', all)).to.deep.equal(all.map(String));
    expect(await read('bigint', [-5, 1e300])).to.deep.equal(['-5', `${Number.MAX_SAFE_INTEGER}`]);
    const whole = await read('integer', [-(2 ** 31) + 1, 3e9, undefined]);
    expect(whole).to.deep.equal(['-2147483647', '2147483647', undefined]);
    expect(await read('boolean', [true, false])).to.deep.equal(['true', 'false']);
  });

  it('has texts of any characters and length, in a room that grows', async () => {
    const texts = [
      '',
      'short',
      'kurz: ä€😀',
      'é'.repeat(200_000),
      undefined,
      '"\\\n',
      'x'.repeat(25),
    ];
    expect(await read('text', texts)).to.deep.equal(texts);
    expect(await read('text', ['a\0b'])).to.deep.equal(['a\ufffdb']);
    const many = Array.from({ length: 30_000 }, (_, n) => `text ${n}`);
    expect(await read('text', many)).to.deep.equal(many);
    expect(await read('json', ['{"a":"ä"}'])).to.deep.equal(['{"a":"ä"}']);
    expect(await read('text', [])).to.deep.equal([]);
  });

  it('has times and UUIDs, and nothing that is none', async () => {
    await pool.query("SET timezone = 'UTC'");
    const times = ['2026-01-31T12:00:04.007Z', '1999-12-31T23:59:59.999Z', '1970-01-01T00:00:00Z'];
    expect(await read('timestamptz', times)).to.deep.equal([
      '2026-01-31 12:00:04.007+00',
      '1999-12-31 23:59:59.999+00',
      '1970-01-01 00:00:00+00',
    ]);
    const uuids = Array.from({ length: 100 }, () => randomUUID());
    expect(await read('uuid', uuids)).to.deep.equal(uuids);
    const [uuid = ''] = uuids;
    const spellings = [uuid.toUpperCase(), uuid.replaceAll('-', '')];
    expect(await read('uuid', spellings)).to.deep.equal([uuid, uuid]);
    for (const [type, cell] of [
      ['timestamptz', 'yesterday'],
      ['uuid', uuid.replace(/^../, 'zz')],
      ['uuid', uuid.slice(1)],
    ] as const)
      expect(() => binaryArray(columnOf(type), [cell]), cell).to.throw(cell);
  });
});
