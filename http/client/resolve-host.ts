/**
 * Turns a host name into addresses without ever blocking the process.
 *
 * `dns.lookup` runs getaddrinfo on the thread pool, which files and hashing share: a few names
 * whose servers never answer would stall them all. So DNS is asked directly, with a short timeout,
 * and getaddrinfo only for a name that DNS at once says it does not know (/etc/hosts, a
 * cluster's search domains).
 */

import { lookup, Resolver } from 'node:dns/promises';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Rejects with the system's error when there is no address. */
export type ResolveHost = (hostname: string) => Promise<readonly ResolvedAddress[]>;

const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;

export function openResolver(): ResolveHost {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  return async (hostname) => {
    const [v4, v6] = await Promise.allSettled([
      resolver.resolve4(hostname),
      resolver.resolve6(hostname),
    ]);
    const found = [...addressesOf(v4, 4), ...addressesOf(v6, 6)];
    if (found.length > 0) return found;
    const error = v4.status === 'rejected' ? (v4.reason as NodeJS.ErrnoException) : undefined;
    if (error?.code === 'ETIMEOUT') throw error;
    return askSystem(hostname);
  };
}

function addressesOf(answer: PromiseSettledResult<string[]>, family: 4 | 6): ResolvedAddress[] {
  return answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family })) : [];
}

async function askSystem(hostname: string): Promise<ResolvedAddress[]> {
  const found = await lookup(hostname, { all: true, verbatim: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}
