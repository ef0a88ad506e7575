/**
 * The quiet tenant: submits at a fixed rate and is told by webhook. Latency counts from when a
 * request was due until its completion is first seen in the log (of a cluster, whose log is in
 * another server, in the read model), looked at every few milliseconds.
 */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { executionIdOf, type ExecutionId, type OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type { Defer } from '../defer.js';
import { openLoop } from '../load.js';
import { CLIENTS } from '../settings.js';
import { percentile } from '../statistics.js';
import { FAST } from './catalogue.js';
import type { Receiver } from './hosts.js';
import type { NoisySystem } from './system.js';

export type Window = Readonly<Record<'p50Ms' | 'p99Ms' | 'webhookMs', number>>;

export interface QuietTenant {
  /** Its executions for so many seconds, until each is completed and told of. */
  window(seconds: number): Promise<Window>;
  accepted(): number;
  /** One sentence for each thing that was refused or came never. */
  wronged(): readonly string[];
}

const PER_SECOND = 50;
const POLL_MS = 3;
/** What takes longer counts as so long, and is a violation. */
const PATIENCE_MS = 90_000;

export async function openQuietTenant(
  system: NoisySystem,
  receiver: Receiver,
  defer: Defer,
): Promise<QuietTenant> {
  const completions = await watchCompletions(system, defer);
  const wronged: string[] = [];
  let [made, accepted] = [0, 0];
  const next = () => submission(system, receiver.url, made++);
  return {
    async window(seconds) {
      const first = made;
      const ids = Array.from({ length: Math.floor(PER_SECOND * seconds) }, (_, n) =>
        idOf(system, first + n),
      );
      await completions.mark();
      const ended = new AbortController();
      const watched = completions.seen(ids, ended.signal);
      const accept = (status: number) => {
        if (status === 202) accepted += 1;
        else wronged.push(`the quiet tenant was answered ${status}`);
        return true;
      };
      const load = { url: system.url, clients: CLIENTS, seconds, perSecond: PER_SECOND };
      const failed = ({ message }: Error) =>
        void wronged.push(`a request of the quiet tenant failed: ${message}`);
      const loaded = openLoop({ ...load, next, accept, failed }).catch((error: unknown) => {
        ended.abort();
        throw error;
      });
      const giveUp = setTimeout(() => ended.abort(), seconds * 1000 + PATIENCE_MS);
      const [{ beganMs }, seenMs] = await Promise.all([loaded, watched]);
      clearTimeout(giveUp);
      const never = ids.filter((id) => !seenMs.has(id)).length;
      if (never > 0) wronged.push(`${never} of the quiet tenant's executions did not complete`);
      const latencies = ids.map(
        (id, n) => (seenMs.get(id) ?? Infinity) - (beganMs + (n * 1000) / PER_SECOND),
      );
      const delays = await webhookDelays(receiver, seenMs);
      const untold = delays.filter((delay) => delay === PATIENCE_MS).length;
      if (untold > 0) wronged.push(`${untold} webhooks of the quiet tenant did not come`);
      return {
        p50Ms: Math.min(PATIENCE_MS, percentile(latencies, 0.5)),
        p99Ms: Math.min(PATIENCE_MS, percentile(latencies, 0.99)),
        webhookMs: Math.max(...delays, 1),
      };
    },
    accepted: () => accepted,
    wronged: () => wronged,
  };
}

const keyOf = (n: number): string => `quiet-${n}`;

const idOf = ({ quiet }: NoisySystem, n: number): ExecutionId =>
  executionIdOf(quiet.organizationId as OrganizationId, keyOf(n));

const submission = ({ quiet }: NoisySystem, webhookUrl: string, n: number) => ({
  method: 'POST' as const,
  path: '/v1/executions',
  headers: {
    authorization: `Bearer ${quiet.apiKey}`,
    'content-type': 'application/json',
    'idempotency-key': keyOf(n),
  },
  body: JSON.stringify({
    model: FAST,
    input: { prompt: `Question ${n}: how do rivers find the sea?`, max_tokens: 32 },
    webhook_url: webhookUrl,
  }),
});

/** From the completion; PATIENCE_MS for one that did not come in that time. */
async function webhookDelays(
  { heardMs }: Receiver,
  seenMs: ReadonlyMap<string, number>,
): Promise<number[]> {
  const deadline = performance.now() + PATIENCE_MS;
  const isMissing = () => [...seenMs.keys()].some((id) => !heardMs.has(id));
  while (isMissing() && performance.now() < deadline) await pause(20);
  return [...seenMs].map(([id, seen]) => {
    const heard = heardMs.get(id);
    return heard === undefined ? PATIENCE_MS : Math.max(0, heard - seen);
  });
}

interface Completions {
  /** Starts behind the present end of the log. */
  mark(): Promise<void>;
  /** When each was first seen to be completed, until all were or the signal comes. */
  seen(ids: readonly ExecutionId[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
}

const logSql = {
  name: 'completed in the log',
  text: `SELECT stream AS found, position FROM eventstore.events
    WHERE position > $1 AND type = 'ExecutionCompleted' ORDER BY position`,
};
const rowsSql = {
  name: 'completed in the read model',
  text: `SELECT id AS found FROM readmodel.executions
    WHERE id = ANY ($1) AND status = 'COMPLETED'`,
};

async function watchCompletions(system: NoisySystem, defer: Defer): Promise<Completions> {
  const client = new pg.Client({ connectionString: system.databaseUrl });
  await client.connect();
  defer(() => client.end());
  const isInLog = system.process !== undefined;
  let position = '-1';
  const look = async (missing: ReadonlyMap<string, ExecutionId>) => {
    const values = isInLog ? [position] : [[...missing.values()]];
    const { rows } = await client.query<{ found: string; position?: string }>({
      ...(isInLog ? logSql : rowsSql),
      values,
    });
    position = rows.at(-1)?.position ?? position;
    return rows.map(({ found }) => found);
  };
  return {
    async mark() {
      const { rows } = await client.query<{ end: string }>(
        'SELECT coalesce(max(position), -1) AS end FROM eventstore.events',
      );
      position = rows[0]?.end ?? '-1';
    },
    async seen(ids, signal) {
      const nameOf = (id: ExecutionId): string => (isInLog ? streamOf('execution', id) : id);
      const missing = new Map(ids.map((id) => [nameOf(id), id]));
      const seen = new Map<string, number>();
      while (missing.size > 0 && !signal.aborted) {
        const found = await look(missing);
        const now = performance.now();
        for (const name of found) {
          const id = missing.get(name);
          if (id === undefined) continue;
          seen.set(id, now);
          missing.delete(name);
        }
        await pause(POLL_MS);
      }
      return seen;
    },
  };
}
