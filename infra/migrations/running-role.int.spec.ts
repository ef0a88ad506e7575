import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { StartError } from '../start-error.js';
import { allMigrations } from './all.js';
import { migrateFor } from '../postgres/roles.js';
import { freshDatabase, type FreshDatabase } from '../postgres/testing/fresh-database.js';

/** What the role that runs may do in the database of a log that another role owns. */
describe('the role that runs', () => {
  const suffix = randomBytes(4).toString('hex');
  const [running, migrating] = [`running_${suffix}`, `migrating_${suffix}`];
  let database: FreshDatabase;
  let admin: pg.Pool;
  let runs: pg.Pool;
  let migrates: pg.Pool;

  before(async () => {
    database = await freshDatabase();
    admin = new pg.Pool({ connectionString: database.url, max: 1 });
    await admin.query(`create role ${running} login password 'p'`);
    await admin.query(`create role ${migrating} login password 'p'`);
    await admin.query(`grant ${running} to ${migrating}`);
    const name = new URL(database.url).pathname.slice(1);
    await admin.query(`alter database ${name} owner to ${migrating}`);
    await admin.query(`alter schema public owner to ${migrating}`);
    const poolOf = (role: string) => {
      const url = new URL(database.url);
      Object.assign(url, { username: role, password: 'p' });
      return new pg.Pool({ connectionString: url.href, max: 1 });
    };
    [runs, migrates] = [poolOf(running), poolOf(migrating)];
  });
  after(async () => {
    await Promise.all([runs?.end(), migrates?.end()]);
    await admin?.query(`reassign owned by ${running}, ${migrating} to current_user`);
    await admin?.query(`drop owned by ${running}, ${migrating}`);
    await admin?.query(`drop role ${running}, ${migrating}`);
    await admin?.end();
    await database?.drop();
  });

  const refused = async (sql: string): Promise<string | undefined> =>
    runs.query(sql).then(
      () => undefined,
      (error: { code?: string }) => error.code,
    );
  const append = (revision: number) =>
    runs.query(
      `select eventstore.append('{}', '{}', '{account-a}', $1, $2, '{T}', '{x}', '{x}',
         $3, '{o}', $4)`,
      [
        [revision],
        [`00000000-0000-4000-8000-00000000000${revision}`],
        [`p${revision}`],
        [Buffer.from('x')],
      ],
    );

  it('takes over a database in which it owned everything', async () => {
    await admin.query(`grant create on schema public to ${running}`);
    await admin.query(
      `grant create on database ${new URL(database.url).pathname.slice(1)} to ${running}`,
    );
    expect((await migrateFor(runs, undefined, allMigrations)).isProtected).to.equal(false);
    await append(0);
    await admin.query(
      `revoke create on database ${new URL(database.url).pathname.slice(1)} from ${running}`,
    );
    for (let start = 0; start < 2; start++)
      expect(await migrateFor(migrates, running, allMigrations)).to.deep.equal({
        ran: [],
        isProtected: true,
      });
  });

  it('appends, reads, keeps snapshots and removes payloads', async () => {
    await append(1);
    const { rows } = await runs.query('select revision from eventstore.events order by position');
    expect(rows).to.deep.equal([{ revision: 0 }, { revision: 1 }]);
    expect(await refused(`delete from eventstore.payloads where ref = 'p1'`)).to.equal(undefined);
    const snapshot = `insert into eventstore.snapshots values ('s', 0, 1, 'x')
      on conflict (stream) do update set state = excluded.state`;
    expect([await refused(snapshot), await refused(snapshot)]).to.deep.equal([
      undefined,
      undefined,
    ]);
  });

  it('does not change, empty, alter or drop the log', async () => {
    const denied = '42501';
    for (const sql of [
      `update eventstore.events set data = 'y'`,
      'update eventstore.events set data = data where false',
      'delete from eventstore.events',
      'truncate eventstore.events',
      'truncate eventstore.events cascade',
      'alter table eventstore.events add column y text',
      'alter table eventstore.events disable trigger events_are_never_changed',
      `alter table eventstore.events owner to ${running}`,
      'drop table eventstore.events',
      'drop schema eventstore cascade',
      'drop trigger events_are_never_changed on eventstore.events',
      'create rule r as on insert to eventstore.events do instead nothing',
      'create table eventstore.other (x text)',
      'drop function eventstore.refuse_change() cascade',
      'select * from eventstore.events for update',
      `update eventstore.payloads set bytes = ''`,
      'truncate eventstore.payloads',
      `grant update on eventstore.events to ${running}`,
      `set role ${migrating}`,
      `delete from public.schema_migrations`,
      'update datakeys.keys set wrapped = null',
      'delete from datakeys.keys',
      'truncate datakeys.keys',
      'drop schema datakeys cascade',
    ]) {
      const code = await refused(sql);
      // A grant by who may not grant does nothing but warn.
      if (!sql.startsWith('grant')) expect(code, sql).to.equal(denied);
    }
    expect(await refused(`update eventstore.events set data = 'y'`)).to.equal(denied);
    const { rows } = await runs.query('select data from eventstore.events');
    expect(rows).to.deep.equal([{ data: 'x' }, { data: 'x' }]);
  });

  it('makes data keys, and has those of an organization destroyed', async () => {
    const values = `gen_random_uuid(), 'org_a', version, 'x'`;
    for (const version of [1, 2])
      await runs.query(
        `insert into datakeys.keys (id, organization_id, version, wrapped)
         select ${values} from (select $1::integer as version) one`,
        [version],
      );
    const destroy = `select datakeys.destroy('org_a') as "isNew"`;
    expect((await runs.query(destroy)).rows).to.deep.equal([{ isNew: true }]);
    expect((await runs.query(destroy)).rows).to.deep.equal([{ isNew: false }]);
    const { rows } = await runs.query('select distinct wrapped from datakeys.keys');
    expect(rows).to.deep.equal([{ wrapped: null }]);
  });

  it('rebuilds tables of the read models, which are its own', async () => {
    for (const sql of [
      'create table readmodel.holds_next (like readmodel.holds including all)',
      'drop table readmodel.holds',
      'alter table readmodel.holds_next rename to holds',
      'truncate readmodel.executions',
      `alter schema readmodel owner to ${running}`,
    ])
      expect(await refused(sql), sql).to.equal(undefined);
    expect(await migrateFor(migrates, running, allMigrations)).to.include({ isProtected: true });
    expect(
      await refused('insert into processing.checkpoints select * from processing.checkpoints'),
    ).to.equal(undefined);
  });

  it('starts without the role that migrates, where that was done', async () => {
    expect(await migrateFor(runs, undefined, allMigrations)).to.deep.equal({
      ran: [],
      isProtected: true,
    });
    const later = { id: 9_999, name: 'a later step', sql: 'select 1' };
    const error = await migrateFor(runs, undefined, [...allMigrations, later]).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(StartError);
    expect(String(error)).to.contain('lacks 1 schema steps');
  });
});
