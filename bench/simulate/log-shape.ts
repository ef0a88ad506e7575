/**
 * `node --import tsx bench/simulate/log-shape.ts`: what an execution is in the log and beside it.
 * A new system of its own runs some text and image executions to the end.
 */
import pg from 'pg';
import { runEndings } from '../../testing/at-end.js';
import { newTenant, type Client, type Submission } from '../../testing/client.js';
import { accept, imageOf, textOf, whenOver } from '../../test/testing/executions.js';
import { freshDatabase } from '../../infra/postgres/testing/fresh-database.js';
import { startSystem } from '../../testing/system.js';

const KINDS = [
  ['text', (n: number) => textOf(`In one paragraph: why is a log a good ledger? ${n}`), 200],
  ['image', (n: number) => imageOf(`A lighthouse over a sea of paper boats, ${n}`), 40],
] as const;

/** Few: it is about bytes, not speed. */
const CALLERS = 4;

const EVENTS = `
  select type, count(*)::int as events,
         avg(octet_length(data))::int as data, avg(octet_length(metadata))::int as metadata
    from eventstore.events
   where split_part(stream, '-', 1) in ('execution', 'account', 'file') and type <> 'FundsDeposited'
   group by type order by min(position)`;

/** On disk, indexes with it, of a table that was vacuumed. */
const TABLES = `
  select case when relname like 'events%' then 'the log'
              when relname = 'payloads' then 'payloads'
              else 'read models' end as part,
         sum(pg_total_relation_size(oid))::float8 as bytes
    from pg_class
   where relkind = 'r' and (relname in ('events', 'payloads')
         or relnamespace = 'readmodel'::regnamespace and relname in ('executions', 'ledger_entries',
            'execution_labels', 'files'))
   group by 1 order by 1`;

try {
  for (const [kind, bodyOf, count] of KINDS) await measure(kind, bodyOf, count);
} finally {
  await runEndings();
}

async function measure(kind: string, bodyOf: (n: number) => Submission, count: number) {
  const { url } = await freshDatabase();
  const env = { DATABASE_URL: url, MODELROUTE_MASTER_KEY: 'm'.repeat(32), MODELROUTE_DEMO: '0' };
  const system = await startSystem({ env });
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  try {
    const { api } = await newTenant(system, '1000');
    const emptyBytes = await bytesOf(database);
    await runAll(api, bodyOf, count);
    await settled(database, count);
    await database.query('vacuum full');
    const { rows } = await database.query<Shape>(EVENTS);
    report(kind, count, rows, emptyBytes, await bytesOf(database));
  } finally {
    await database.end();
    await system.stop();
  }
}

interface Shape {
  readonly type: string;
  readonly events: number;
  readonly data: number;
  readonly metadata: number;
}

async function runAll(api: Client, bodyOf: (n: number) => Submission, count: number) {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const { id } = await accept(api, bodyOf(next++));
      await whenOver(api, id, 60_000);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, worker));
}

async function settled(database: pg.Client, count: number): Promise<void> {
  const ended = `select count(*)::int as ended from eventstore.events
                  where type in ('HoldSettled', 'HoldReleased')`;
  for (;;) {
    const { rows } = await database.query<{ ended: number }>(ended);
    if ((rows[0]?.ended ?? 0) >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function bytesOf(database: pg.Client): Promise<ReadonlyMap<string, number>> {
  const { rows } = await database.query<{ part: string; bytes: number }>(TABLES);
  return new Map(rows.map(({ part, bytes }) => [part, bytes]));
}

function report(
  kind: string,
  count: number,
  shapes: readonly Shape[],
  emptyBytes: ReadonlyMap<string, number>,
  bytes: ReadonlyMap<string, number>,
): void {
  const each = (shape: Shape) => (shape.events / count) * (shape.data + shape.metadata);
  const sum = (of: (shape: Shape) => number) => shapes.reduce((total, one) => total + of(one), 0);
  const lines = [
    `\n${count} ${kind} executions, of each:\n`,
    '| event | times | data, bytes | metadata, bytes |',
    '| --- | --- | --- | --- |',
    ...shapes.map(
      ({ type, events, data, metadata }) =>
        `| ${type} | ${(events / count).toFixed(2)} | ${data} | ${metadata} |`,
    ),
    `| together | ${sum(({ events }) => events / count).toFixed(2)} | ${Math.round(sum(each))} | |`,
    '',
    ...[...bytes].map(([part, now]) => {
      const grown = (now - (emptyBytes.get(part) ?? 0)) / count;
      return `${part}: ${Math.round(grown)} bytes on disk, indexes included`;
    }),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
