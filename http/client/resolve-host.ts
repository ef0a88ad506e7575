/**
 * Turns host names into addresses without ever blocking the process.
 *
 * Names that others chose are asked of DNS directly, with a short timeout, and of the system only
 * where DNS at once says that it does not know them. Names that can only be of this network have a
 * lookup of their own there, which nobody outside can make hang. Configured names are asked of the
 * system first, for it may have been told otherwise, and of DNS when it does not answer in time.
 */

import { Resolver } from 'node:dns/promises';
import { openSystemLookup } from './system-lookup.js';
import type { ResolvedAddress, ResolveHost } from './system-lookup.js';

const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;
/** DNS answered, and knows no address; or there is no DNS server at all. */
const UNKNOWN = ['ENOTFOUND', 'ENODATA', 'ECONNREFUSED'];

interface Lookups {
  readonly dns: ResolveHost;
  readonly system: ResolveHost;
  readonly ownSystem: ResolveHost;
}

export function openResolver(
  isOwn: (hostname: string) => boolean,
  lookups: Lookups = {
    dns: openDns(),
    system: openSystemLookup(),
    ownSystem: openSystemLookup(),
  },
): ResolveHost {
  return async (hostname) => {
    try {
      return await lookups.dns(hostname);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (isOwn(hostname)) return lookups.ownSystem(hostname);
      if (UNKNOWN.includes(code)) return lookups.system(hostname);
      throw error;
    }
  };
}

export function openTrustedResolver(
  { dns, system }: Pick<Lookups, 'dns' | 'system'> = { dns: openDns(), system: openSystemLookup() },
): ResolveHost {
  return (hostname) => system(hostname).catch(() => dns(hostname));
}

/** What is asked for already is not asked for again. */
function openDns(): ResolveHost {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  const asked = new Map<string, Promise<readonly ResolvedAddress[]>>();
  return (hostname) => {
    const known = asked.get(hostname);
    if (known) return known;
    const answer = askDns(resolver, hostname).finally(() => asked.delete(hostname));
    asked.set(hostname, answer);
    return answer;
  };
}

async function askDns(resolver: Resolver, hostname: string): Promise<readonly ResolvedAddress[]> {
  const [v4, v6] = await Promise.allSettled([
    resolver.resolve4(hostname),
    resolver.resolve6(hostname),
  ]);
  const found = [...addressesOf(v4, 4), ...addressesOf(v6, 6)];
  if (found.length === 0 && v4.status === 'rejected') throw v4.reason;
  return found;
}

function addressesOf(answer: PromiseSettledResult<string[]>, family: 4 | 6): ResolvedAddress[] {
  return answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family })) : [];
}
