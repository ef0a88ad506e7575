import { expect } from 'chai';
import { pino } from 'pino';
import { openTcpProxy, type TcpProxy } from '../../testing/tcp-proxy.js';
import { freshDatabase, type FreshDatabase } from './testing/fresh-database.js';
import { openPool } from './pool.js';
import { whileHeard } from './while-heard.js';

const log = pino({ level: 'silent' });

describe('work of any length', function () {
  this.timeout(60_000);
  let database: FreshDatabase;
  let proxies: TcpProxy[];
  before(async () => {
    database = await freshDatabase();
    proxies = await Promise.all([openTcpProxy(database.url), openTcpProxy(database.url)]);
  });
  after(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await database.drop();
  });

  /** What became of work that would take so long by itself. */
  const workOver = (url: string, applicationName: string, seconds: number): Promise<string> => {
    const pool = openPool(url, { max: 1, applicationName, log, timeoutMs: 0 });
    const work = pool.query(`SELECT pg_sleep(${seconds})`);
    work.catch(() => undefined); // it fails when the proxy is closed
    const watched = { url, applicationName, log };
    return whileHeard(watched, work).then(() => 'done', String);
  };

  it('is waited for while it is heard of, and fails when it falls silent', async () => {
    const [silent, forgotten] = proxies;
    const asked = [
      workOver(database.url, 'spec-long', 9),
      workOver(silent?.url ?? '', 'spec-silent', 2),
      workOver(forgotten?.url ?? '', 'spec-forgotten', 2),
    ];
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (silent) silent.mode = 'silent';
    forgotten?.forget();
    const error = 'Error: timeout: it fell silent';
    expect(await Promise.all(asked)).to.deep.equal(['done', error, error]);
  });
});
