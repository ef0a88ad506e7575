/** Does a work for as long as this process alone holds its lease. */
import { pause } from '../concurrency/pause.js';
import type { Lease, Leases } from './port.js';

/**
 * Waits for the lease `name`, runs `work` while it lasts, and waits again when it was lost; returns
 * when `signal` aborts or when `work` returns by itself. The signal given to `work` aborts as soon
 * as the lease is lost, or could have been: a holder that stood still finds out when it runs on,
 * so what it then still writes must carry the fencing token.
 *
 * An outage of the leases is told to `onOutage` and waited out; without it, it is thrown.
 */
export async function whileLeased(
  leases: Leases,
  name: string,
  holder: string,
  ttlMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal, fencingToken: bigint) => Promise<void>,
  onOutage?: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    const askedAt = performance.now();
    const lease = await leases.acquire(name, holder, ttlMs).catch((error: unknown) => {
      if (!onOutage) throw error;
      onOutage(error);
      return undefined;
    });
    if (!lease) await pause(ttlMs / 3, signal);
    else if (await worked(lease, askedAt + ttlMs, { ttlMs, signal, work, onOutage })) return;
  }
}

interface Tenure {
  readonly ttlMs: number;
  readonly signal: AbortSignal;
  readonly work: (signal: AbortSignal, fencingToken: bigint) => Promise<void>;
  readonly onOutage: ((error: unknown) => void) | undefined;
}

/** Whether the work came to its own end, and not to that of the lease. */
async function worked(lease: Lease, until: number, tenure: Tenure): Promise<boolean> {
  const tenancy = new AbortController();
  const end = () => tenancy.abort();
  tenure.signal.addEventListener('abort', end, { once: true });
  if (tenure.signal.aborted) end();
  void keep(lease, until, tenancy, tenure);
  try {
    await tenure.work(tenancy.signal, lease.fencingToken);
    return !tenancy.signal.aborted;
  } catch (error) {
    if (tenancy.signal.aborted && isAbort(error)) return false;
    throw error;
  } finally {
    end();
    tenure.signal.removeEventListener('abort', end);
    await lease.release().catch((error: unknown) => tenure.onOutage?.(error));
  }
}

/** Renews three times per term. An unanswered renewal ends the tenancy when the term ends. */
async function keep(
  lease: Lease,
  firstUntil: number,
  tenancy: AbortController,
  { ttlMs, onOutage }: Tenure,
): Promise<void> {
  const { signal } = tenancy;
  let until = firstUntil;
  const term = () => setTimeout(() => tenancy.abort(), Math.max(0, until - performance.now()));
  let ending = term();
  signal.addEventListener('abort', () => clearTimeout(ending), { once: true });
  for (;;) {
    await pause(ttlMs / 3, signal);
    if (signal.aborted) return clearTimeout(ending);
    const askedAt = performance.now();
    const held = await lease.renew().catch((error: unknown) => {
      onOutage?.(error);
      return undefined;
    });
    if (held === undefined) continue;
    clearTimeout(ending);
    if (!held) return tenancy.abort();
    until = askedAt + ttlMs;
    if (!signal.aborted) ending = term();
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
