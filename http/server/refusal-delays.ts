/**
 * What refused requests may take of the process. A sender is an organization, or the address of
 * whoever showed no key of one. It may be refused as much at once as takes a burst of the
 * processor's time, and a share of it from then on; beyond that its refusals are answered late:
 *
 *   refused ──► its debt grows by what that cost ──► within the burst: answered at once
 *                │                                   beyond: after the time in which its share
 *                └ shrinks by its share of the time          pays for that, at most `WAIT_MS_MAX`
 *
 * So who waits for its answers before it sends more takes no more than its share, and nothing of a
 * request is kept while its answer waits. What is granted is never late.
 */
import { LRUCache } from 'lru-cache';
import { networkText } from '../../infra/networks/networks.js';

export interface RefusalDelays {
  /** Counts a refused request of so many bytes of body; how long its answer is to wait. */
  ofOrganization(organizationId: string, bodyBytes: number): number;
  ofAddress(address: string, bodyBytes: number): number;
  /** Of a connection that ends for what came of it. */
  ofConnection(address: string): number;
}

interface Bound {
  readonly burstMs: number;
  /** Of one processor. */
  readonly share: number;
}

interface Debt {
  ms: number;
  atMs: number;
}

const SENDER: Bound = { burstMs: 50, share: 0.05 };
/** All addresses together: whoever has many of them gets no more by it. */
const ADDRESSES: Bound = { burstMs: 200, share: 0.2 };
/** So many are remembered; those that were refused longest ago are forgotten. */
const SENDERS_MAX = 20_000;

/** What a request costs that is refused on a connection that goes on. */
const REQUEST_MS = 0.3;
/** To open a connection, to refuse what it brought, to write that and to close it. */
const CONNECTION_MS = 1.2;
/** To read and to check a megabyte takes some 15 ms. */
const BYTES_PER_MS = 70_000;
/** Shorter than what clients take for a server that hangs. */
const WAIT_MS_MAX = 1_000;
/** Less than that is not worth a timer. */
const WAIT_MS_MIN = 5;

export function openRefusalDelays(clock = () => performance.now()): RefusalDelays {
  const senders = new LRUCache<string, Debt>({ max: SENDERS_MAX });
  const addresses: Debt = { ms: 0, atMs: clock() };

  function delayOf(sender: string, costMs: number, nowMs: number): number {
    const debt = senders.get(sender) ?? { ms: 0, atMs: nowMs };
    senders.set(sender, debt);
    return grown(debt, SENDER, costMs, nowMs);
  }

  function delayAt(address: string, costMs: number): number {
    const nowMs = clock();
    const all = grown(addresses, ADDRESSES, costMs, nowMs);
    return Math.max(all, delayOf(siteOf(address), costMs, nowMs));
  }

  return {
    ofOrganization: (organizationId, bodyBytes) =>
      delayOf(organizationId, costOf(bodyBytes), clock()),
    ofAddress: (address, bodyBytes) => delayAt(address, costOf(bodyBytes)),
    ofConnection: (address) => delayAt(address, CONNECTION_MS),
  };
}

const costOf = (bodyBytes: number): number => REQUEST_MS + bodyBytes / BYTES_PER_MS;

function grown(debt: Debt, { burstMs, share }: Bound, costMs: number, nowMs: number): number {
  const left = Math.max(0, debt.ms - (nowMs - debt.atMs) * share);
  debt.ms = Math.min(left + costMs, burstMs + WAIT_MS_MAX * share);
  debt.atMs = nowMs;
  const waitMs = (debt.ms - burstMs) / share;
  return waitMs < WAIT_MS_MIN ? 0 : waitMs;
}

/** A site has 2^64 addresses of IPv6 and more. */
const siteOf = (address: string): string =>
  address.includes(':') ? (networkText(`${address}/64`) ?? address) : address;
