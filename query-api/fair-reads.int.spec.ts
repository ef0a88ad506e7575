/** What one tenant's slow reads may cost another: nothing. */
import { expect } from 'chai';
import type { OrganizationId } from '../contracts/ids.js';
import { ORGANIZATION, storyOf } from '../projectors/testing/kit.js';
import type { Client } from '../testing/client.js';
import { openQueryServer, type QueryServer } from './testing/kit.js';

const OTHER: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';

/** A read waits for its turn and is then ended; no other wait of it is longer than that. */
const REFUSED_MS = 3_500;

describe('query API: slow reads', () => {
  let server: QueryServer;
  let slow: Client;
  let other: Client;
  before(async () => {
    server = await openQueryServer();
    slow = await server.tenant(ORGANIZATION);
    other = await server.tenant(OTHER);
    server.startProjecting();
  });
  after(() => server?.close());

  const timed = async (client: Client, path: string) => {
    const startedMs = performance.now();
    const { status, headers } = await client.call('GET', path);
    return { status, retryAfter: headers['retry-after'], ms: performance.now() - startedMs };
  };

  it('are refused in time, and no other tenant waits for them', async () => {
    const story = storyOf(OTHER);
    await server.models.append(story.requested(0));
    const paths = ['/executions', `/executions/${story.executionId}`, '/billing/holds'];
    for (const path of paths) expect((await timed(other, path)).status).to.equal(200);
    const locking = await server.models.pool.connect();
    try {
      await locking.query('BEGIN; LOCK TABLE readmodel.ledger_entries IN ACCESS EXCLUSIVE MODE');
      const ends = Array.from({ length: 40 }, () => timed(slow, '/billing/ledger'));
      const refusals = Promise.all(ends);
      for (const path of [...paths, ...paths]) {
        const { status, ms } = await timed(other, path);
        expect(status).to.equal(200);
        expect(ms).to.be.below(1_000);
      }
      for (const { status, retryAfter, ms } of await refusals) {
        expect({ status, retryAfter }).to.deep.equal({ status: 503, retryAfter: '1' });
        expect(ms).to.be.below(REFUSED_MS);
      }
    } finally {
      await locking.query('ROLLBACK');
      locking.release();
    }
    expect((await timed(slow, '/billing/ledger')).status).to.equal(200);
  });
});
