/** F14: somebody else's transaction stays open in the database server, with an id of its own. */
import { expect } from 'chai';
import pg from 'pg';
import { runningPostgresUrl } from '../infra/postgres/embedded/embedded.js';
import { newTenant, operate, send } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { sharedSystem } from '../testing/system-in-suite.js';
import { accept, newKey, textOf, whenOver, whenSettled } from './testing/executions.js';

const EXECUTIONS = 20;
const ACCEPT_MS_MAX = 2_000;

describe('a foreign transaction that stays open', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let foreign: pg.Client;
  before(async () => {
    const connectionString = await runningPostgresUrl(system().dataDir);
    if (!connectionString) throw new Error('no database runs');
    foreign = new pg.Client({ connectionString });
    foreign.on('error', () => undefined);
    await foreign.connect();
  });
  after(() => foreign.end());

  const lags = async (): Promise<number[]> => {
    const headers = { authorization: `Bearer ${system().adminKey}` };
    const { text } = await send(`${system().baseUrl}/metrics`, 'GET', { headers });
    const lines = text.matchAll(/^(?:projection|processor)_lag_positions\{.*\} (\d+)$/gm);
    return [...lines].map(([, lag]) => Number(lag));
  };

  it('delays no accept, no reader and no rebuild, and the lag says so', async () => {
    const { api } = await newTenant(system());
    await foreign.query('BEGIN');
    const { rows } = await foreign.query<{ id: string }>('SELECT pg_current_xact_id() AS id');
    expect(Number(rows[0]?.id)).to.be.greaterThan(0);
    const ids: string[] = [];
    for (let n = 0; n < EXECUTIONS; n += 1) {
      const began = performance.now();
      const { status, body } = await api.submit(textOf(`Number ${n}`), newKey());
      expect(status).to.equal(202);
      expect(performance.now() - began).to.be.below(ACCEPT_MS_MAX);
      ids.push(body.id);
    }
    for (const id of ids) {
      expect((await whenOver(api, id)).status).to.equal('COMPLETED');
      await whenSettled(api, id);
    }
    await operate(system(), '/projections/holds/rebuild', {});
    await eventually('nothing lags', async () => {
      const all = await lags();
      return all.length > 8 && all.every((lag) => lag === 0);
    });
    const { rows: open } = await foreign.query<{ seconds: number }>(
      'SELECT extract(epoch FROM clock_timestamp() - transaction_timestamp())::float8 AS seconds',
    );
    expect(open[0]?.seconds).to.be.greaterThan(0);
    await foreign.query('COMMIT');
    const { id } = await accept(api, textOf('Afterwards'));
    expect((await whenOver(api, id)).status).to.equal('COMPLETED');
  });
});
