/**
 * What an execution asks of its store, step by step: executions one after another on a system that
 * has nothing else to do, with the log in PostgreSQL and in the event store.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'undici';
import { startEventStoreDouble } from '../infra/event-store/testing/double/double.js';
import type { SandboxConfig } from './baselines/sandbox.js';
import type { ReceivedSoFar } from './baselines/webhook-receiver.js';
import { startPart } from './children.js';
import type { Databases } from './database.js';
import { withDefer, type Defer } from './defer.js';
import { createTenants, startModelRoute, WORKING_ROLES } from './modelroute.js';
import { followReadModels } from './read-model-progress.js';
import { inSequence, STEPS, type NotedCall } from './store-steps.js';

interface Kind {
  readonly title: string;
  readonly body: (webhookUrl: string) => object;
}

const TEXT = {
  model: 'text-generation-standard',
  input: { prompt: 'How do rivers find the sea?', max_tokens: 32 },
};

const KINDS: readonly Kind[] = [
  { title: 'Text', body: () => TEXT },
  { title: 'Text, with a webhook', body: (url) => ({ ...TEXT, webhook_url: url }) },
  {
    title: 'Image',
    body: () => ({ model: 'flux-1.1-pro', input: { prompt: 'A river finds the sea.' } }),
  },
];

const EXECUTIONS = 12;
/** The first ones read what is never read again. */
const WARM_UP = 2;
/** What is not waited for, a webhook, is over by then. */
const QUIET_MS = 250;

/** The calls of each execution, by the title of its kind. */
type Found = ReadonlyMap<string, readonly (readonly NotedCall[])[]>;

export async function stepsOfExecutions(databases: Databases): Promise<string> {
  const postgres = await callsOf(databases, 'PostgreSQL');
  const eventStore = await callsOf(databases, 'event store');
  return KINDS.map(({ title }) =>
    tableOf(title, postgres.get(title) ?? [], eventStore.get(title) ?? []),
  ).join('\n');
}

async function callsOf(databases: Databases, log: 'PostgreSQL' | 'event store'): Promise<Found> {
  const noted = join(await databases.folder('steps'), 'calls.json');
  const began = new Map<string, number[]>();
  const running = await withDefer(async (defer) => {
    const isEventStore = log === 'event store';
    const env = isEventStore ? { EVENTSTORE_URL: await startDouble(databases, defer) } : {};
    const name = isEventStore ? 'steps_event_store' : 'steps_postgresql';
    const system = await startSystem(databases, { name, env, noted }, defer);
    for (const kind of KINDS) began.set(kind.title, await system.execute(kind));
    return {};
  });
  await running.close();
  const calls = JSON.parse(await readFile(noted, 'utf8')) as NotedCall[];
  const between = (from: number, to: number) =>
    calls.filter(({ fromMs }) => fromMs >= from && fromMs < to);
  return new Map(
    [...began].map(([title, times]) => [
      title,
      times.slice(WARM_UP, -1).map((from, n) => between(from, times[n + WARM_UP + 1] ?? 0)),
    ]),
  );
}

async function startDouble(databases: Databases, defer: Defer): Promise<string> {
  const double = await startEventStoreDouble({ dir: await databases.folder('event-store') });
  defer(() => double.close());
  return double.url;
}

interface SystemOptions {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** The file of the calls. */
  readonly noted: string;
}

async function startSystem(databases: Databases, options: SystemOptions, defer: Defer) {
  const { name, env, noted } = options;
  const databaseUrl = await databases.fresh(name);
  defer(() => databases.drop(databaseUrl));
  const config: SandboxConfig = { dir: await databases.folder('sandbox'), latency: 0 };
  const sandbox = await startPart<string, never, null>('baselines/sandbox.js', config);
  defer(() => sandbox.stop());
  const receiver = await startPart<string, object, ReceivedSoFar>(
    'baselines/webhook-receiver.js',
    {},
  );
  defer(() => receiver.stop());
  const preload = new URL('note-calls.js', import.meta.url);
  preload.searchParams.set('file', noted);
  const system = await startModelRoute({
    databases,
    databaseUrl,
    sandboxUrl: sandbox.ready,
    roles: WORKING_ROLES,
    nodeArgs: ['--import', preload.href],
    env: { ...env, MODELROUTE_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8' },
  });
  defer(() => system.stop());
  const [tenant] = await createTenants(system, 1);
  const progress = await followReadModels(databaseUrl);
  defer(() => progress.close());
  const client = new Client(system.url);
  defer(() => client.close());
  const headers = {
    authorization: `Bearer ${tenant?.apiKey}`,
    'content-type': 'application/json',
  };
  return {
    /** Answers when each of them began, and when the last was over. */
    async execute({ title, body }: Kind): Promise<number[]> {
      const times: number[] = [];
      for (let n = 0; n < WARM_UP + EXECUTIONS; n++) {
        await progress.mark();
        times.push(performance.timeOrigin + performance.now());
        const answer = await client.request({
          method: 'POST',
          path: '/v1/executions',
          headers: { ...headers, 'idempotency-key': `${title}-${n}` },
          body: JSON.stringify(body(`${receiver.ready}/hook`)),
        });
        const text = await answer.body.text();
        if (answer.statusCode !== 202) throw new Error(`${title}: ${answer.statusCode} ${text}`);
        await progress.done(1);
        await pause(QUIET_MS);
      }
      return [...times, performance.timeOrigin + performance.now()];
    },
  };
}

function tableOf(
  title: string,
  ofPostgres: readonly (readonly NotedCall[])[],
  ofEventStore: readonly (readonly NotedCall[])[],
): string {
  const line = (...cells: string[]) => `| ${cells.join(' | ')} |`;
  const columns = ['appends', 'stream reads', 'payloads', 'other', 'in sequence'];
  const both = ['PostgreSQL', 'event store'].flatMap((log) =>
    columns.map((column) => `${log}: ${column}`),
  );
  const rows = STEPS.map((step) =>
    line(step, ...[ofPostgres, ofEventStore].flatMap((all) => figuresOf(all, step))),
  );
  const explained = `Calls of the store for each of ${EXECUTIONS} executions, one after another.`;
  const head = [line('step', ...both), line('---', ...both.map(() => '---'))];
  return [`### ${title}: what an execution asks of its log`, '', explained, '', ...head, ...rows]
    .concat('')
    .join('\n');
}

function figuresOf(all: readonly (readonly NotedCall[])[], step: string): string[] {
  const own = all.map((calls) => calls.filter((call) => call.step === step));
  const mean = (of: (calls: readonly NotedCall[]) => number) =>
    (own.reduce((sum, calls) => sum + of(calls), 0) / own.length).toFixed(1).replace(/\.0$/, '');
  const number = (kinds: readonly string[]) =>
    mean((calls) => calls.filter(({ kind }) => kinds.includes(kind)).length);
  const others = number(['log']);
  return [number(['append']), number(['stream']), number(['payloads']), others, mean(inSequence)];
}
