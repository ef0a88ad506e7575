/** What organizations may have and what they have stored, as the read models say it. */
import type { Pool } from 'pg';
import type { Log } from '../infra/logger.js';
import { openQuotas } from '../infra/read-store/quotas.js';
import { openStoredBytes } from '../infra/read-store/stored-bytes.js';
import type { Infra } from './infra.js';

/** Quotas are there before the first request is. */
export async function openUsage(
  readStore: Pool,
  log: Pick<Log, 'warn'>,
): Promise<Pick<Infra, 'quotas' | 'storedBytes'>> {
  const onError = (err: unknown) => log.warn({ err }, 'quotas are as they were: no answer');
  const quotas = openQuotas(readStore, onError);
  const storedBytes = openStoredBytes(readStore, onError);
  await Promise.all([quotas.refresh(), storedBytes.refresh()]);
  return { quotas, storedBytes };
}
