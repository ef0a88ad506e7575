/**
 * R3: all accepts on one account, against the hot row of a table (one UPDATE and commit at a time),
 * and against the same accepts spread over many accounts. Every turn of the one-account side has a
 * new account, so that no turn finds more open holds than another.
 */
import { audit } from '../audit.js';
import type { HotRowConfig } from '../baselines/hot-row.js';
import type { Count, Timed } from '../baselines/loops.js';
import { startPart } from '../children.js';
import { withDefer } from '../defer.js';
import type { Cell, Comparison, Side } from '../cell.js';
import { closedLoop } from '../load.js';
import { acceptedAllStand } from '../log-check.js';
import { createTenants, startModelRoute } from '../modelroute.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf, type Submissions } from '../submissions.js';
import { turnSeconds } from './accepts.js';

const FIRST_PASS_SECONDS_MAX = 600;

export const oneAccount: Cell = {
  ids: ['R3', 'R3.spread'],
  title: 'Accepts on one account',
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const { databases, settings } = bench;
      const databaseUrl = await databases.fresh('one_account');
      defer(() => databases.drop(databaseUrl));
      const system = await startModelRoute({ databases, databaseUrl, roles: ['command-api'] });
      defer(() => system.stop());
      let accepted = 0;
      let turns = 0;

      async function accept({ fresh }: Submissions, seconds: number, answersMax = Infinity) {
        const result = await closedLoop({
          url: system.url,
          clients: CLIENTS,
          seconds,
          answersMax,
          next: fresh,
          accept: (status) => status === 202,
        });
        accepted += result.answers;
        const { perSecond, p99Ms } = result;
        return { perSecond, p99Ms };
      }
      const one: Side = {
        name: 'accepts/s on one account',
        async measure(warmUp) {
          const tenants = await createTenants(system, 1);
          return accept(submissionsOf(tenants, `one-${turns++}`), turnSeconds(bench, warmUp));
        },
      };
      const comparisons: Comparison[] = [];
      const rate = { a: one, metric: 'perSecond', unit: '/s' };
      if (wants('R3')) {
        const url = await databases.fresh('hot_row');
        defer(() => databases.drop(url));
        const config: HotRowConfig = { url, clients: CLIENTS };
        const part = await startPart<null, Timed, Count>('baselines/hot-row.js', config);
        defer(() => part.stop());
        const b: Side = {
          name: 'hot-row UPDATEs/s',
          measure: async (warmUp) => ({
            ...(await part.ask({ seconds: turnSeconds(bench, warmUp) })),
          }),
        };
        const name = 'accepts on one account ÷ raw hot-row UPDATE';
        comparisons.push({ id: 'R3', name, ...rate, b, target: 4, here: 3 });
      }
      if (wants('R3.spread')) {
        const spread = submissionsOf(await createTenants(system, settings.accounts), 'spread');
        await accept(spread, FIRST_PASS_SECONDS_MAX, settings.accounts);
        const b: Side = {
          name: `accepts/s over ${settings.accounts} accounts`,
          measure: (warmUp) => accept(spread, turnSeconds(bench, warmUp)),
        };
        const name = `accepts on one account ÷ spread over ${settings.accounts}`;
        comparisons.push({ id: 'R3.spread', name, ...rate, b, target: 0.9 });
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
