/**
 * Work over one connection that may take long, as a migration of a big log does: no deadline tells
 * it from a server that fell silent. So the server is asked over another connection whether it is
 * at that work; when it is not, or says nothing, the work has failed.
 */
import { pause } from '../concurrency/pause.js';
import { openPool, type PoolOptions } from './pool.js';

interface Watched {
  readonly url: string;
  /** Of the connection that works, and of no other. */
  readonly applicationName: string;
  readonly log: PoolOptions['log'];
}

const ASK_MS = 2_000;
const MISSES_MAX = 3;

export async function whileHeard<T>(watched: Watched, work: Promise<T>): Promise<T> {
  const { url, applicationName, log } = watched;
  const pool = openPool(url, { max: 1, applicationName: 'modelroute-watch', log });
  const over = new AbortController();
  const isAtWork = async (): Promise<boolean> => {
    const { rowCount } = await pool.query(AT_WORK, [applicationName]);
    return rowCount === 1;
  };
  const silence = async (): Promise<never> => {
    for (let misses = 0; misses < MISSES_MAX || over.signal.aborted;) {
      await pause(ASK_MS, over.signal);
      if (over.signal.aborted) return new Promise(() => undefined);
      misses = (await isAtWork().catch(() => false)) ? 0 : misses + 1;
    }
    throw new Error('timeout: it fell silent');
  };
  try {
    return await Promise.race([work, silence()]);
  } finally {
    over.abort();
    await pool.end();
  }
}

const AT_WORK = `
  SELECT FROM pg_stat_activity WHERE application_name = $1 AND state = 'active' LIMIT 1`;
