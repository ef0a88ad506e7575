/**
 * R1 and R2: executions accepted over HTTP, on the full path (key, JSON, schemas, idempotency,
 * payload, hold, events, 202), against three bare INSERTs in a transaction, and against an Express
 * handler that only checks the body. 64 clients on every side; the command API has a process of
 * its own.
 */
import { Client } from 'undici';
import { audit } from '../audit.js';
import type { InsertConfig } from '../baselines/insert-transactions.js';
import type { Count, Timed } from '../baselines/loops.js';
import type { ExpressConfig } from '../baselines/express-post.js';
import { startPart } from '../children.js';
import { withDefer } from '../defer.js';
import type { Bench, Cell, Comparison, Side } from '../cell.js';
import { closedLoop, type LoadRequest } from '../load.js';
import { acceptBytes, acceptedAllStand } from '../log-check.js';
import { createTenants, startModelRoute } from '../modelroute.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf } from '../submissions.js';

const TENANTS = 16;
const SAMPLE_ACCEPTS = 256;

export const accepts: Cell = {
  ids: ['R1', 'R2'],
  title: 'Accepted executions',
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const { databases, settings } = bench;
      const databaseUrl = await databases.fresh('accepts');
      defer(() => databases.drop(databaseUrl));
      const system = await startModelRoute({ databases, databaseUrl, roles: ['command-api'] });
      defer(() => system.stop());
      const submissions = submissionsOf(await createTenants(system, TENANTS), 'r1');
      let accepted = 0;

      async function accept(seconds: number, answersMax = Infinity) {
        const result = await closedLoop({
          url: system.url,
          clients: CLIENTS,
          seconds,
          answersMax,
          next: submissions.fresh,
          accept: (status) => status === 202,
        });
        accepted += result.answers;
        return result;
      }
      const ours: Side = {
        name: 'accepts/s',
        async measure(warmUp) {
          const { perSecond, p99Ms } = await accept(turnSeconds(bench, warmUp));
          return { perSecond, p99Ms };
        },
      };
      await accept(settings.seconds, SAMPLE_ACCEPTS);
      const reply = await oneReply(system.url, submissions.again(0));
      const comparisons: Comparison[] = [];
      const rate = { a: ours, metric: 'perSecond', unit: '/s' };
      if (wants('R1')) {
        const url = await databases.fresh('inserts');
        defer(() => databases.drop(url));
        const config: InsertConfig = {
          url,
          clients: CLIENTS,
          bytes: await acceptBytes(databaseUrl),
        };
        const part = await startPart<null, Timed, Count>(
          'baselines/insert-transactions.js',
          config,
        );
        defer(() => part.stop());
        const b: Side = {
          name: 'BEGIN; 3 INSERTs; COMMIT/s',
          measure: async (warmUp) => ({
            ...(await part.ask({ seconds: turnSeconds(bench, warmUp) })),
          }),
        };
        const name = 'accepted executions ÷ bare BEGIN; 3×INSERT; COMMIT';
        comparisons.push({ id: 'R1', name, ...rate, b, target: 1.2, here: 0.8 });
      }
      if (wants('R2')) {
        const b = await expressSide(bench, { reply }, submissions.again, defer);
        const name = 'accepted executions ÷ an empty validating POST in Express';
        comparisons.push({ id: 'R2', name, ...rate, b, target: 1.5, here: 0.7 });
      }
      return {
        comparisons,
        check: async () => [
          ...(await acceptedAllStand(databaseUrl, accepted)),
          ...(await audit({ databases, databaseUrl, settled: false })),
        ],
      };
    }),
};

/** Long enough to be compiled and to have its connections; the figures are thrown away. */
export const turnSeconds = ({ settings }: Bench, warmUp: boolean): number =>
  warmUp ? Math.min(2, settings.seconds) : settings.seconds;

async function expressSide(
  bench: Bench,
  config: ExpressConfig,
  request: (n: number) => LoadRequest,
  defer: (close: () => Promise<void>) => void,
): Promise<Side> {
  const part = await startPart<string, never, null>('baselines/express-post.js', config);
  defer(() => part.stop());
  return {
    name: 'Express POSTs/s',
    async measure(warmUp) {
      const { perSecond, p99Ms } = await closedLoop({
        url: part.ready,
        clients: CLIENTS,
        seconds: turnSeconds(bench, warmUp),
        next: request,
        accept: (status) => status === 202,
      });
      return { perSecond, p99Ms };
    },
  };
}

async function oneReply(url: string, request: LoadRequest): Promise<object> {
  const client = new Client(url);
  const { path, method, headers, body = '' } = request;
  const answer = await client.request({ path, method, headers, body });
  const reply = (await answer.body.json()) as object;
  await client.close();
  return reply;
}
