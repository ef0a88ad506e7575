/**
 * Leases: one holder at a time for a named piece of work that replicas share.
 *
 * An implementer promises: at most one unexpired lease of a name; each grant carries a greater
 * fencing token than every grant of that name before it, also after releases and restarts. A lease
 * is measured by one clock for all holders, never by a holder's own. The same holder asking again
 * is granted at once, which voids its earlier lease (it was restarted): so a holder's name must be
 * unique among the living.
 */
export interface Lease {
  readonly name: string;
  readonly fencingToken: bigint;
  /** False when the lease is lost; nothing brings it back then. */
  renew(): Promise<boolean>;
  /** Lets others have it at once; without effect when it is lost. */
  release(): Promise<void>;
}

export interface Leases {
  /** Undefined while another holds it. */
  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined>;
}
