/**
 * R8: requests made again under their idempotency keys, against requests that are new. Every repeat
 * must be answered from the first one, and of a hundred that race exactly one may win.
 */
import { Pool } from 'undici';
import { audit } from '../audit.js';
import { withDefer } from '../defer.js';
import type { Cell, Side } from '../cell.js';
import { closedLoop, type LoadRequest } from '../load.js';
import { acceptedAllStand } from '../log-check.js';
import { createTenants, startModelRoute } from '../modelroute.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf } from '../submissions.js';
import { turnSeconds } from './accepts.js';

const TENANTS = 16;
/** So many different requests are repeated in turn. */
const ORIGINALS = 4_096;
const RACERS = 100;
const SETUP_SECONDS_MAX = 60;

export const replays: Cell = {
  ids: ['R8'],
  title: 'Idempotent replays',
  open: (bench) =>
    withDefer(async (defer) => {
      const { databases } = bench;
      const databaseUrl = await databases.fresh('replays');
      defer(() => databases.drop(databaseUrl));
      const system = await startModelRoute({ databases, databaseUrl, roles: ['command-api'] });
      defer(() => system.stop());
      const tenants = await createTenants(system, TENANTS);
      const submissions = submissionsOf(tenants, 'r8');
      const { url } = system;
      let accepted = 0;

      async function accept(seconds: number, answersMax = Infinity) {
        const result = await closedLoop({
          url,
          clients: CLIENTS,
          seconds,
          answersMax,
          next: submissions.fresh,
          accept: (status, headers) => status === 202 && !headers['idempotency-replayed'],
        });
        accepted += result.answers;
        const { perSecond, p99Ms } = result;
        return { perSecond, p99Ms };
      }
      await accept(SETUP_SECONDS_MAX, ORIGINALS);

      const a: Side = {
        name: 'replays/s',
        async measure(warmUp) {
          const { perSecond, p99Ms } = await closedLoop({
            url,
            clients: CLIENTS,
            seconds: turnSeconds(bench, warmUp),
            next: (n) => submissions.again(n % ORIGINALS),
            accept: (status, headers) =>
              status === 202 && headers['idempotency-replayed'] === 'true',
          });
          return { perSecond, p99Ms };
        },
      };
      const b: Side = {
        name: 'fresh accepts/s',
        measure: (warmUp) => accept(turnSeconds(bench, warmUp)),
      };
      const name = 'idempotent replays ÷ fresh accepts';
      const rate = { a, b, metric: 'perSecond', unit: '/s', target: 1.5, here: 1.2 };
      return {
        comparisons: [{ id: 'R8', name, ...rate }],
        async check() {
          const race = await raceOf(url, submissionsOf(tenants, 'race').fresh());
          const found = await audit({ databases, databaseUrl, settled: false });
          return [...race, ...(await acceptedAllStand(databaseUrl, accepted + 1)), ...found];
        },
        notes: () => [`${RACERS} racing duplicates had one winner`],
      };
    }),
};

async function raceOf(url: string, request: LoadRequest): Promise<string[]> {
  const pool = new Pool(url, { connections: RACERS, pipelining: 1 });
  const { path, method, headers, body = '' } = request;
  const answers = await Promise.all(
    Array.from({ length: RACERS }, async () => {
      const answer = await pool.request({ path, method, headers, body });
      const { id } = (await answer.body.json()) as { id: string };
      return { id, status: answer.statusCode, isFirst: !answer.headers['idempotency-replayed'] };
    }),
  );
  await pool.close();
  const winners = answers.filter(({ isFirst }) => isFirst).length;
  const ids = new Set(answers.map(({ id }) => id)).size;
  const refused = answers.filter(({ status }) => status !== 202).length;
  if (winners === 1 && ids === 1 && refused === 0) return [];
  return [`of ${RACERS} racing duplicates ${winners} won, ${refused} were refused, ${ids} ids`];
}
