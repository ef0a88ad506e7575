/** What becomes of mail that nobody took in time. */
import { expect } from 'chai';
import { streamOf } from '../../contracts/streams.js';
import { eventually } from '../../testing/eventually.js';
import {
  openPostgresHarness,
  type PostgresHarness,
} from '../../infra/event-store/postgres/testing/harness.js';
import type { AccountResult, QueuedCommand } from '../accounts/decide-batch.js';
import { openPostgresHomes } from './homes.js';
import { writeTickets } from './mail.js';
import { accountOwnerMigrations } from '../../infra/migrations/all.js';
import { hold, newOrganization } from '../testing/kit.js';

const silent = { warn: () => undefined, error: () => undefined };

describe('mail for an account', function () {
  this.timeout(20_000);
  let harness: PostgresHarness;
  before(async () => {
    harness = await openPostgresHarness(silent);
    for (const { sql } of accountOwnerMigrations) await harness.admin.query(sql);
  });
  after(() => harness.close());

  it('is not decided any more when its sender cannot wait for it any more', async () => {
    const organizationId = newOrganization();
    const stream = streamOf('account', organizationId);
    const ticket = (key: string) => hold({ organizationId, key });
    const post = (id: string, ageSeconds: number) =>
      harness.admin.query(
        `INSERT INTO deciding.mail (id, stream, channel, tickets, posted_at)
         VALUES ($1, $2, 'nobody', $3, clock_timestamp() - make_interval(secs => $4))`,
        [id, stream, writeTickets([ticket(id)]), ageSeconds],
      );
    const decided: string[] = [];
    const submit = async ({ metadata }: QueuedCommand): Promise<AccountResult> => {
      decided.push(metadata.correlationId);
      return { outcome: 'alreadyDone', hold: undefined };
    };
    const homes = openPostgresHomes({ url: harness.url, log: silent, instance: 'spec' });
    await post('late', 30);
    await post('in time', 0);
    homes.contend(stream);
    expect(await homes.settle(stream, [ticket('own')], submit)).to.equal(undefined);
    await eventually('some is decided', () => decided.length > 0);
    expect(decided).to.deep.equal([ticket('in time').metadata.correlationId]);
    await homes.close();
  });
});
