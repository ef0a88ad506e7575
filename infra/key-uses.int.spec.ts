import { expect } from 'chai';
import { apiKeyIdOf, type ApiKeyId } from '../contracts/ids.js';
import { eventually } from '../testing/eventually.js';
import { openKeyUses } from './key-uses.js';
import { processingMigrations } from './migrations/all.js';
import { migratedPool } from './postgres/testing/migrated-pool.js';

const NEVER_MS = 3_600_000;

describe('uses of API keys', () => {
  const database = migratedPool(processingMigrations);
  const log = { warn: () => undefined };
  const key = (name: string): ApiKeyId => apiKeyIdOf(name);

  const open = async (everyMs = NEVER_MS) => openKeyUses({ pool: await database(), log, everyMs });

  const usesOf = async (name: string) => {
    const pool = await database();
    const { rows } = await pool.query<{ used_at: Date }>(
      'SELECT used_at FROM processing.api_key_uses WHERE key_id = $1',
      [key(name)],
    );
    return rows.map(({ used_at: at }) => at.getTime());
  };

  it('are written together when the process ends, of each key the last one', async () => {
    const uses = await open();
    uses.note(key('a'), 1_000);
    uses.note(key('b'), 2_000);
    uses.note(key('a'), 3_000);
    expect(await usesOf('a')).to.deep.equal([]);
    await uses.close();
    expect([await usesOf('a'), await usesOf('b')]).to.deep.equal([[3_000], [2_000]]);
  });

  it('of several processes stay the newest, whoever writes last', async () => {
    const [late, early] = [await open(), await open()];
    late.note(key('c'), 9_000);
    early.note(key('c'), 5_000);
    await late.close();
    await early.close();
    expect(await usesOf('c')).to.deep.equal([9_000]);
  });

  it('are written while the process lives', async () => {
    const uses = await open(10);
    uses.note(key('d'), 4_000);
    await eventually('it is written', async () => (await usesOf('d')).length === 1);
    await uses.close();
  });

  it('that cannot be written are given up with a warning, and later ones are written', async () => {
    const warnings: unknown[] = [];
    const asked: unknown[] = [];
    const pool = {
      query: (...statement: unknown[]) => {
        asked.push(statement);
        return Promise.reject(new Error('away'));
      },
    };
    const uses = openKeyUses({
      pool: pool,
      log: { warn: (about: unknown) => void warnings.push(about) },
      everyMs: NEVER_MS,
    });
    await uses.close();
    expect(asked, 'nothing is noted').to.deep.equal([]);
    uses.note(key('e'), 1_000);
    await uses.close();
    expect([asked.length, warnings.length]).to.deep.equal([1, 1]);
    expect(warnings[0]).to.include({ keys: 1 });
  });

  it('are noted of ten thousand keys at most, and of those that are noted also later', async () => {
    const values: (readonly [readonly string[], readonly string[]])[] = [];
    const pool = {
      query: (statement: { values: (typeof values)[number] }) => {
        values.push(statement.values);
        return Promise.resolve({ rows: [] });
      },
    };
    const uses = openKeyUses({
      pool: pool as unknown as Parameters<typeof openKeyUses>[0]['pool'],
      log,
      everyMs: NEVER_MS,
    });
    const ids = Array.from({ length: 10_001 }, (_, n) => `key_${n}` as ApiKeyId);
    for (const id of ids) uses.note(id, 1_000);
    uses.note('key_0', 7_000);
    await uses.close();
    const [written, times] = values[0] ?? [[], []];
    expect(written).to.deep.equal(ids.slice(0, 10_000).sort());
    expect(times[written.indexOf('key_0')]).to.equal(new Date(7_000).toISOString());
  });
});
