/**
 * R12: what the parts of more than one machine cost, when all of them share this one.
 *
 *   R12.store   appends through the event store on EventStoreDB ÷ the client's own appends, of the
 *               same events, to the same server: the protocol double, where no other is named
 *   R12.bus     completed executions with delivery over a real Kafka ÷ with the in-process bus
 */
import { join } from 'node:path';
import type { StoreAppendConfig } from '../baselines/store-append.js';
import type { Appended } from '../baselines/event-append.js';
import type { Timed } from '../baselines/loops.js';
import { audit } from '../audit.js';
import type { Bench, Cell, Comparison, Side } from '../cell.js';
import { startPart } from '../children.js';
import { query } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import { eventStoreMigrations } from '../../infra/migrations/all.js';
import { startEventStoreDouble } from '../../infra/event-store/testing/double/double.js';
import { startKafka } from '../../infra/event-bus/kafka/testing/broker.js';
import { CLIENTS } from '../settings.js';
import { turnSeconds } from './accepts.js';
import { executionsSide } from './completed.js';
import { logCounts } from '../log-check.js';
import { startSandboxPart } from './sandbox.js';

export const distributed: Cell = {
  ids: ['R12.store', 'R12.bus'],
  title: 'Past one machine',
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const comparisons: Comparison[] = [];
      const checks: (() => Promise<readonly string[]>)[] = [];
      if (wants('R12.store')) comparisons.push(await storeComparison(bench, defer));
      if (wants('R12.bus')) {
        const { comparison, check } = await busComparison(bench, defer);
        comparisons.push(comparison);
        checks.push(check);
      }
      return {
        comparisons,
        check: async () => (await Promise.all(checks.map((check) => check()))).flat(),
      };
    }),
};

async function storeComparison(bench: Bench, defer: Defer): Promise<Comparison> {
  const { databases } = bench;
  const databaseUrl = await databases.fresh('beside_eventstore');
  defer(() => databases.drop(databaseUrl));
  for (const { sql } of eventStoreMigrations) await query(databaseUrl, sql);
  const url = process.env['EVENTSTORE_URL'] ?? (await startDouble(bench, defer));
  const side = async (kind: StoreAppendConfig['kind'], name: string): Promise<Side> => {
    const config: StoreAppendConfig = { url, databaseUrl, kind, appenders: CLIENTS };
    const part = await startPart<null, Timed, Appended>('baselines/store-append.js', config);
    defer(() => part.stop());
    return {
      name,
      async measure(warmUp) {
        const { perSecond } = await part.ask({ seconds: turnSeconds(bench, warmUp) });
        return { perSecond };
      },
    };
  };
  return {
    id: 'R12.store',
    name: 'appends over EventStoreDB ÷ its raw client',
    a: await side('adapter', 'event store appends/s'),
    b: await side('client', 'raw client appends/s'),
    metric: 'perSecond',
    unit: ' appends/s',
    target: 0.85,
    here: 0.7,
  };
}

async function startDouble({ databases }: Bench, defer: Defer): Promise<string> {
  const double = await startEventStoreDouble({ dir: await databases.folder('event-store') });
  defer(() => double.close());
  return double.url;
}

async function busComparison(bench: Bench, defer: Defer) {
  const { databases } = bench;
  const sandboxUrl = await startSandboxPart(bench, defer);
  const broker = await startKafka({ dir: join(await databases.folder('kafka'), 'broker') });
  defer(() => broker.close());
  const open = async (name: string, env: Readonly<Record<string, string>>) => {
    const databaseUrl = await databases.fresh(name);
    defer(() => databases.drop(databaseUrl));
    const side = await executionsSide(bench, { databaseUrl, sandboxUrl, env }, defer);
    return { databaseUrl, side };
  };
  const over = await open('over_kafka', { KAFKA_BROKERS: broker.brokers });
  const embedded = await open('in_process', {});
  const comparison: Comparison = {
    id: 'R12.bus',
    name: 'completed executions over Kafka ÷ in process',
    a: { ...over.side, name: 'executions/s over Kafka' },
    b: { ...embedded.side, name: 'executions/s in process' },
    metric: 'perSecond',
    unit: '/s',
    target: 0.8,
    here: 0.6,
  };
  const check = async () => {
    const found: string[] = [];
    for (const { databaseUrl, side } of [over, embedded]) {
      const { requested, completed, settled } = await logCounts(databaseUrl);
      for (const [what, n] of Object.entries({ requested, completed, settled }))
        if (n !== side.accepted()) found.push(`${side.accepted()} were accepted, ${what}: ${n}`);
      found.push(...(await audit({ databases, databaseUrl, settled: true })));
    }
    return found;
  };
  return { comparison, check };
}
