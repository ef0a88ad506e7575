import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { dataKeyMigrations } from '../migrations/all.js';
import { migratedPool } from '../postgres/testing/migrated-pool.js';
import { StartError } from '../start-error.js';
import { openCachedDataKeys } from './cached.js';
import { expectOpenable, openPostgresDataKeys } from './postgres.js';
import { dataKeysContract } from './testing/contract.js';

describe('data keys in postgres', () => {
  const database = migratedPool(dataKeyMigrations);
  const key = randomBytes(32);
  const wrappingKey = async () => key;

  dataKeysContract('postgres', async () => {
    const pool = await database();
    const open = () => openPostgresDataKeys({ pool, wrappingKey });
    return { keys: open(), other: open(), close: async () => undefined };
  });

  dataKeysContract('cached', async () => {
    const pool = await database();
    const open = () => openCachedDataKeys({ keys: openPostgresDataKeys({ pool, wrappingKey }) });
    const [keys, other] = [open(), open()];
    return { keys, other, close: async () => [keys, other].forEach((one) => one.close()) };
  });

  it('stores no key in plain, and opens none with another master key', async () => {
    const pool = await database();
    const organizationId = `org_${randomUUID()}`;
    const made = await openPostgresDataKeys({ pool, wrappingKey }).keyFor(organizationId);
    if (made === 'erased') return expect.fail('it was destroyed');
    const { rows } = await pool.query<{ wrapped: Buffer }>(
      'SELECT wrapped FROM datakeys.keys WHERE id = $1',
      [made.id],
    );
    expect(rows[0]?.wrapped.includes(made.secret.export())).to.equal(false);
    const other = randomBytes(32);
    const foreign = { pool, wrappingKey: async () => other };
    const asked = [openPostgresDataKeys(foreign).keyFor(organizationId), expectOpenable(foreign)];
    for (const one of await Promise.allSettled(asked))
      expect('reason' in one && one.reason).to.be.instanceOf(StartError);
    await expectOpenable({ pool, wrappingKey });
  });

  it('does not open the key of one organization in the row of another', async () => {
    const pool = await database();
    const keys = openPostgresDataKeys({ pool, wrappingKey });
    const [one, two] = [`org_${randomUUID()}`, `org_${randomUUID()}`];
    await keys.keyFor(one);
    await keys.keyFor(two);
    await pool.query(
      `UPDATE datakeys.keys SET wrapped =
         (SELECT wrapped FROM datakeys.keys WHERE organization_id = $1)
       WHERE organization_id = $2`,
      [one, two],
    );
    const error = await keys.keyFor(two).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StartError);
  });
});
