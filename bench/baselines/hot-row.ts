/**
 * Baseline of R3: money as most services keep it. One row, and 64 clients that each take a little
 * from it if there is enough, one statement and one commit at a time.
 */
import pg from 'pg';
import { countInLoops, type Count, type Timed } from './loops.js';
import { servePart } from './part.js';

export interface HotRowConfig {
  readonly url: string;
  readonly clients: number;
}

const TABLE = `
  CREATE TABLE accounts (id integer PRIMARY KEY, available bigint NOT NULL);
  INSERT INTO accounts VALUES (1, 1000000000000000)`;

const take = {
  name: 'take',
  text: 'UPDATE accounts SET available = available - $1 WHERE id = 1 AND available >= $1',
  values: [10_000],
};

servePart<HotRowConfig, null, Timed, Count>(async ({ url, clients }) => {
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  await owner.query(TABLE);
  await owner.end();
  return {
    ready: null,
    answer: ({ seconds }) =>
      countInLoops({
        url,
        clients,
        seconds,
        async once(client) {
          const { rowCount } = await client.query(take);
          if (rowCount !== 1) throw new Error('the row was not changed');
        },
      }),
    close: async () => undefined,
  };
});
