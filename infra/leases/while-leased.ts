/** Runs a singleton's work for as long as this process holds its lease. */
import { pause } from '../concurrency/pause.js';
import type { Lease, Leases } from './port.js';

export interface LeasedWork {
  readonly leases: Leases;
  /** Of the lease. */
  readonly name: string;
  /** Names this process among the living. */
  readonly holder: string;
  readonly ttlMs: number;
  readonly signal: AbortSignal;
  /** Its signal aborts as soon as the lease is lost, or could have been lost. */
  readonly work: (signal: AbortSignal, fencingToken: bigint) => Promise<void>;
  /** Told the first error of each outage of the leases; without it the outage is thrown. */
  readonly onOutage?: (error: unknown) => void;
}

/**
 * Waits for the lease, runs `work` while it lasts, and waits again when it was lost; returns when
 * `signal` aborts or when `work` returns by itself. A process that was suspended learns only
 * afterwards that its lease is lost, so whatever it then still writes must carry the fencing token.
 */
export async function whileLeased(leased: LeasedWork): Promise<void> {
  const { leases, name, holder, ttlMs, signal, onOutage } = leased;
  const asking = openAsking(onOutage);
  while (!signal.aborted) {
    const askedAt = performance.now();
    const acquired = leases.acquire(name, holder, ttlMs);
    const lease = await (onOutage ? asking(acquired) : acquired);
    if (!lease) await pause(ttlMs / 3, signal);
    else if (await worked(lease, askedAt + ttlMs, leased, asking)) return;
  }
}

/** Undefined when there is no answer. */
type Asking = <T>(answer: Promise<T>) => Promise<T | undefined>;

function openAsking(onOutage: LeasedWork['onOutage']): Asking {
  let isAway = false;
  return async (answer) => {
    try {
      const answered = await answer;
      isAway = false;
      return answered;
    } catch (error) {
      if (!isAway) onOutage?.(error);
      isAway = true;
      return undefined;
    }
  };
}

/** Whether the work returned by itself, and not because the lease ended. */
async function worked(
  lease: Lease,
  until: number,
  leased: LeasedWork,
  asking: Asking,
): Promise<boolean> {
  const term = new AbortController();
  const end = () => term.abort();
  leased.signal.addEventListener('abort', end, { once: true });
  if (leased.signal.aborted) end();
  void keep(lease, until, term, { ttlMs: leased.ttlMs, asking });
  try {
    await leased.work(term.signal, lease.fencingToken);
    return !term.signal.aborted;
  } catch (error) {
    if (term.signal.aborted && isAbort(error)) return false;
    throw error;
  } finally {
    end();
    leased.signal.removeEventListener('abort', end);
    await lease.release().catch((error: unknown) => leased.onOutage?.(error));
  }
}

/** Renews three times per term. An unanswered renewal ends the work when the term ends. */
async function keep(
  lease: Lease,
  firstUntil: number,
  term: AbortController,
  { ttlMs, asking }: { readonly ttlMs: number; readonly asking: Asking },
): Promise<void> {
  const { signal } = term;
  let until = firstUntil;
  const endAfterTerm = () => setTimeout(() => term.abort(), Math.max(0, until - performance.now()));
  let ending = endAfterTerm();
  signal.addEventListener('abort', () => clearTimeout(ending), { once: true });
  for (;;) {
    await pause(ttlMs / 3, signal);
    if (signal.aborted) return clearTimeout(ending);
    const askedAt = performance.now();
    const held = await asking(lease.renew());
    if (held === undefined) continue;
    clearTimeout(ending);
    if (!held) return term.abort();
    until = askedAt + ttlMs;
    if (!signal.aborted) ending = endAfterTerm();
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
