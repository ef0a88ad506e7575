import { expect } from 'chai';
import { pino } from 'pino';
import { openPostgresCheckpoints } from '../checkpoints/postgres.js';
import { readIdentity, replaceIdentity, type LogIdentity } from '../event-store/identity.js';
import { aborted } from '../concurrency/pause.js';
import { processingMigrations } from '../migrations/all.js';
import { migrate } from '../postgres/migrate.js';
import { openPool } from '../postgres/pool.js';
import { freshDatabase } from '../postgres/testing/fresh-database.js';
import { openFence } from './fence.js';
import { openPostgresProcessedPositions } from './kafka/processed-positions.js';

const log = pino({ level: 'silent' });

describe('positions of a log that moved', () => {
  it('are kept from a process that was suspended while the log moved, and it ends', async () => {
    const database = await freshDatabase();
    const pool = openPool(database.url, { max: 10, applicationName: 'spec', log });
    await migrate(pool, processingMigrations);
    const moved: LogIdentity = { kind: 'postgres', first: undefined, known: undefined, head: 9n };
    const move = async () => {
      await replaceIdentity(pool, moved);
      return (await readIdentity(pool))?.epoch ?? '';
    };
    const fence = openFence(log);
    const { onMoved } = fence;
    const before = { pool, epoch: await move(), onMoved };
    const frozen = openPostgresCheckpoints(before);
    const processed = openPostgresProcessedPositions(before);
    const running = fence
      .ofWorker({ name: 'a', run: (signal) => aborted(signal) })
      .run(new AbortController().signal)
      .catch((error: unknown) => (error as Error).name);
    const letter = {
      group: 'a',
      stream: 'execution-one' as const,
      revision: 1,
      type: 'ExecutionExpired',
      position: 700_000_000n,
      attempts: 3,
      error: 'no',
    };
    await frozen.save('a', 600_000_000n);
    await frozen.addDeadLetter(letter);
    await pool.query('TRUNCATE processing.checkpoints');

    const epoch = await move();
    const current = openPostgresCheckpoints({ pool, epoch });
    await current.save('a', 5n);
    const refusals = await Promise.allSettled([
      frozen.read('a'),
      frozen.save('a', 700_000_000n),
      frozen.addDeadLetter({ ...letter, revision: 2 }),
      frozen.removeDeadLetter('a', 'execution-one', 1),
      processed.add('a', [700_000_000n]),
    ]);
    expect(
      refusals.map((one) => one.status === 'rejected' && `${one.reason}`.slice(0, 8)),
    ).to.deep.equal(Array(5).fill('LogMoved'));
    expect(await running).to.equal('LogMoved');
    await current.save('a', 6n);
    expect(await current.list()).to.deep.equal([{ group: 'a', position: 6n, deadLetters: 1 }]);
    expect(await openPostgresProcessedPositions({ pool, epoch }).read('a', -1n, [])).to.deep.equal(
      [],
    );
    await pool.end();
    await database.drop();
  });
});
