/**
 * What lists cost at a million executions of one tenant beside those of others: each query of
 * the query API, its worst cases first, over HTTP and as PostgreSQL explains it.
 *
 *   node --import tsx bench/list-costs.ts [rows]
 */
import pg from 'pg';
import { ORGANIZATION } from '../projectors/testing/kit.js';
import type { OrganizationId } from '../contracts/ids.js';
import { labelOf } from '../infra/read-store/tables/executions.js';
import type { Client } from '../testing/client.js';
import { openQueryServer, type QueryServer } from '../query-api/testing/kit.js';

const OTHER: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';
const ROWS = Number(process.argv[2] ?? 1_000_000);

/** Half of all are of the first, one in a hundred thousand of the second, none of the third. */
function key(n: string): string {
  return `key_${n.repeat(8)}-1111-4111-8111-111111111111`;
}

/** Everything is `env=prod`; half is `half=0` and the rest `half=1`; `order` is unique. */
const OTHERS = Array.from({ length: 15 }, (_, n) => `metadata[k${n}]=x`).join('&');

const CASES: readonly string[] = [
  '/executions',
  '/executions?limit=1000',
  '/executions?status=PENDING',
  '/executions?status=PROCESSING',
  '/executions?status=EXPIRED',
  '/executions?order=asc',
  '/executions?status=CANCELLED,EXPIRED',
  '/executions?status=PENDING,PROCESSING,AWAITING_WEBHOOK,FAILED,CANCELLED,EXPIRED&limit=1000',
  '/executions?status=COMPLETED,FAILED&model=no-such-model',
  `/executions?api_key_id=${key('1')}`,
  `/executions?api_key_id=${key('2')}`,
  `/executions?api_key_id=${key('3')}`,
  `/executions?api_key_id=${key('1')}&model=no-such-model`,
  `/executions?api_key_id=${key('2')}&status=FAILED`,
  `/executions?api_key_id=${key('2')}&status=COMPLETED`,
  `/executions?api_key_id=${key('2')}&metadata[env]=prod`,
  '/executions?status=COMPLETED&model=flux-1.1-pro',
  '/executions?status=COMPLETED&model=no-such-model',
  '/executions?model=no-such-model',
  '/executions?status=FAILED&model=tts-standard',
  '/executions?metadata[env]=prod&metadata[order]=77',
  '/executions?metadata[env]=prod&metadata[order]=none',
  '/executions?metadata[half]=0&metadata[env]=prod',
  '/executions?metadata[half]=0&metadata[other]=1',
  '/executions?metadata[env]=prod&model=no-such-model',
  '/executions?metadata[env]=prod&status=EXPIRED',
  '/executions?created_to=2001-01-01T00:00:00Z',
  '/executions?status=FAILED&created_to=2001-01-01T00:00:00Z',
  `/executions?${OTHERS}&metadata[env]=prod`,
  '/billing/ledger',
  '/billing/ledger?type=TOP_UP',
  '/billing/ledger?type=ADJUSTMENT',
  '/billing/ledger?type=SETTLEMENT',
  '/billing/ledger?type=RELEASE',
  '/billing/ledger?created_to=2001-01-01T00:00:00Z',
  '/billing/ledger?created_from=2026-01-02T00:00:00Z&created_to=2026-01-02T00:01:00Z',
  '/billing/ledger?type=TOP_UP&created_from=2026-01-02T00:00:00Z',
  '/billing/ledger?execution_id=exec_99999999-9999-4999-8999-999999999999',
  '/billing/holds',
  '/billing/usage',
  '/billing/usage?group_by=model,api_key',
  '/billing/usage?group_by=model&from=2026-01-01T21:00:00Z&to=2026-01-02',
  '/billing/usage?group_by=metadata.half,day&to=2026-01-01T03:00:00Z',
];

const server = await openQueryServer();
await fill(server);
server.models.progress.announce(['executions', 'ledger_entries', 'holds'], 2n ** 62n);
const tenant = await server.tenant(ORGANIZATION);
const asked = spyOnQueries();
for (const path of CASES) await measure(tenant, path);
await server.close();
process.exit(0);

async function measure(client: Client, path: string): Promise<void> {
  asked.length = 0;
  const times: number[] = [];
  let answer = '';
  for (let turn = 0; turn < 3; turn++) {
    const startedMs = performance.now();
    const { status, body } = await client.call<{ data?: unknown[] }>('GET', path);
    times.push(performance.now() - startedMs);
    answer = `${status}, ${body?.data?.length ?? 0} rows`;
  }
  const shown = times.map((ms) => `${ms.toFixed(0)} ms`).join(' ');
  process.stdout.write(`\n${path.slice(0, 110)}\n  ${answer}: ${shown}\n`);
  const query = asked.findLast(({ text }) =>
    /readmodel"."(executions|execution_labels|ledger|holds)|usage_days|charged/.test(text),
  );
  if (query) await explain(query);
}

/** With the settings of the connections that callers' reads have. */
async function explain({ text, values }: Asked): Promise<void> {
  const client = await server.models.pool.connect();
  try {
    for (const setting of ['seqscan', 'bitmapscan', 'hashjoin'])
      await client.query(`SET enable_${setting} = off`);
    await client.query('SET jit = off; SET max_parallel_workers_per_gather = 0');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) ${text}`,
      values,
    );
    for (const line of rows.map((row) => row['QUERY PLAN']))
      if (/Scan|Join|Loop|Sort|Removed|Time/.test(line)) process.stdout.write(`    ${line}\n`);
  } catch (error) {
    process.stdout.write(`    ${(error as Error).message}\n`);
  } finally {
    client.release(true);
  }
}

interface Asked {
  readonly text: string;
  readonly values: unknown[];
}

function spyOnQueries(): Asked[] {
  const seen: Asked[] = [];
  const prototype = pg.Client.prototype as unknown as { query: (...args: unknown[]) => unknown };
  const { query } = prototype;
  prototype.query = function (this: unknown, ...args: unknown[]) {
    const [first] = args;
    if (typeof first === 'object' && first && 'text' in first) seen.push(first as Asked);
    return query.apply(this, args);
  };
  return seen;
}

async function fill({ models: { pool } }: QueryServer): Promise<void> {
  const client = await pool.connect();
  await client.query('SET statement_timeout = 0; SET synchronous_commit = off');
  const run = async (text: string, values: unknown[] = []) => {
    const query = { text, values, query_timeout: 3_600_000 };
    await client.query(query);
  };
  for (const [organization, prefix, count] of [
    [ORGANIZATION, 'a', ROWS],
    [OTHER, 'b', ROWS / 5],
  ] as const) {
    const open = count / 5;
    const id = `'exec_' || '${prefix}' || lpad(n::text, 12, '0')`;
    const time = `timestamptz '2026-01-01' + n * interval '0.1 second'`;
    await run(
      `INSERT INTO readmodel.executions
         (id, organization_id, model, status, created_at, body, revision, position, api_key_id)
       SELECT ${id}, $1, (ARRAY['text-generation-standard', 'flux-1.1-pro'])[1 + n % 2],
         CASE WHEN n > $2::int - $3::int THEN 'PENDING'
           WHEN n % 20 = 0 THEN 'FAILED' ELSE 'COMPLETED' END,
         ${time}, json_build_object('id', n, 'text', repeat('x', 400),
           'metadata', json_build_object('half', (n % 2)::text, 'env', 'prod')), 3, n * 8,
         CASE WHEN n % 100000 = 7 THEN '${key('2')}' WHEN n % 2 = 0 THEN '${key('1')}'
           ELSE '${key('4')}' END
       FROM generate_series(1, $2::int) n`,
      [organization, count, open],
    );
    const label = async (of: string, where: string) =>
      run(
        `INSERT INTO readmodel.execution_labels SELECT $1::uuid, ${time}, ${id}
         FROM generate_series(1, ${count}) n WHERE ${where}`,
        [of],
      );
    await label(labelOf(organization, 'metadata', 'env', 'prod'), 'true');
    await label(labelOf(organization, 'metadata', 'half', '0'), 'n % 2 = 0');
    await label(labelOf(organization, 'metadata', 'other', '1'), 'n % 2 = 1');
    await label(labelOf(organization, 'metadata', 'order', '77'), 'n = 77');
    await label(labelOf(organization, 'status', 'PENDING'), `n > ${count - open}`);
    await label(labelOf(organization, 'status', 'FAILED'), `n <= ${count - open} AND n % 20 = 0`);
    await run(
      `INSERT INTO readmodel.ledger_entries
       SELECT $1, n * 8 + CASE WHEN $1 = $3 THEN 1 ELSE 0 END, 0,
         CASE WHEN n = 1 THEN 'TOP_UP' WHEN n % 3 = 0 THEN 'HOLD' WHEN n % 3 = 1 THEN 'RELEASE'
           ELSE 'SETTLEMENT' END,
         -1, 1, 'a', 'b', 'exec_' || '${prefix}' || lpad((n / 3 + 1)::text, 12, '0'), ${time}
       FROM generate_series(1, 3 * $2::int) n`,
      [organization, count, OTHER],
    );
    await run(
      `INSERT INTO readmodel.usage_days
       SELECT $1, to_char(date '2026-01-01' + n / 100, 'YYYY-MM-DD'), 'model-' || n % 10,
         'key_' || n % 100 / 10, $2::int / 50000, $2::int / 50000
       FROM generate_series(0, 49999) n`,
      [organization, count],
    );
    await run(
      `INSERT INTO readmodel.holds
       SELECT 'hold_' || ${id}, $1, ${id}, 0, 1, ${time}, n FROM generate_series(1, ${open}) n`,
      [organization],
    );
  }
  await run('VACUUM ANALYZE');
  client.release(true);
  process.stdout.write(`filled with ${ROWS} executions of the tenant\n`);
}
