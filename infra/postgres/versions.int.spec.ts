/** What stores data on PostgreSQL passes its suites on every version that is supported. */
import { expect } from 'chai';
import type { Context } from 'mocha';
import { exitOf, startChild } from '../../testing/child-process.js';
import { skip } from '../../testing/skip.js';
import {
  machinePrograms,
  oldestPrograms,
  startOtherServer,
  type FoundPrograms,
} from './testing/other-server.js';

/** On the shipped version each of them runs as a file of its own. */
const SUITES = [
  'command-handling/accounts/log-identity.int.spec.ts',
  'infra/checkpoints/postgres.int.spec.ts',
  'infra/event-bus/kafka/processed-positions.int.spec.ts',
  'infra/event-store/postgres.int.spec.ts',
  'infra/event-store/postgres/postgres.int.spec.ts',
  'infra/key-uses.int.spec.ts',
  'infra/leases/postgres.int.spec.ts',
  'infra/limit-shares/postgres.int.spec.ts',
  'infra/migrations/running-role.int.spec.ts',
  'infra/payloads/postgres.int.spec.ts',
  'infra/postgres/migrate.int.spec.ts',
  'infra/read-store/due-deliveries.int.spec.ts',
  'infra/request-limits/postgres.int.spec.ts',
  'infra/waiting-executions/postgres.int.spec.ts',
  'processors/sweep-storage/sweep-storage.int.spec.ts',
  'projectors/executions/executions.int.spec.ts',
  'projectors/timers/timers.int.spec.ts',
  'query-api/billing/billing.int.spec.ts',
  'query-api/executions/executions.int.spec.ts',
];
/** What takes seconds of waiting, and asks more of ModelRoute than of PostgreSQL. */
const LEFT_OUT = 'for seconds|killed with -9|in time';
const DEADLINE_MS = 240_000;

describe('the stores on other versions of PostgreSQL', function () {
  this.timeout(DEADLINE_MS + 120_000);
  const runs = new Map<string, Promise<Outcome>>();
  before(() => {
    // Side by side: each waits for its server most of the time.
    runs.set('oldest', suitesOn(oldestPrograms()));
    runs.set('own', suitesOn(machinePrograms()));
  });

  const passes = (which: string) =>
    async function (this: Context) {
      const outcome = await runs.get(which);
      if (outcome && 'reason' in outcome) return skip(this, outcome.reason);
      expect(outcome?.code, outcome?.said).to.equal(0);
      expect(outcome?.said).to.match(/\b[1-9]\d\d passing/);
    };

  it('pass their suites on the oldest that is supported', passes('oldest'));
  it('pass their suites on the one of this machine', passes('own'));
});

type Outcome =
  | { readonly code: number | null; readonly said: string }
  | { readonly reason: string };

async function suitesOn(found: Promise<FoundPrograms>): Promise<Outcome> {
  const programs = await found;
  if ('reason' in programs) return programs;
  const server = await startOtherServer(programs);
  try {
    const mocha = 'node_modules/mocha/bin/mocha.js';
    const args = [mocha, '--reporter', 'dot', '--invert', '--grep', LEFT_OUT, ...SUITES];
    const env = { TEST_DATABASE_URL: server.url };
    const child = startChild({ command: process.execPath, args, env });
    const { code } = await exitOf(child, DEADLINE_MS);
    return { code, said: `on ${server.version}:\n${child.lines.join('\n')}` };
  } finally {
    await server.stop();
  }
}
