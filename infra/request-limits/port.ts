/**
 * What the processes together have spent of limits of requests.
 *
 * An implementer promises: what is granted of a limit is what domain/rate-limit/request-limit.ts
 * lets through, counted over all processes, by one clock; claims of one limit are decided one after
 * another. What was granted is to be used within a second, or given back with a later claim.
 */
import type { Grant, RequestLimit } from '../../domain/rate-limit/request-limit.js';

export interface RequestLimits {
  /** By the names of the limits, of which none is claimed twice. Throws on an outage. */
  claim(claims: readonly RequestClaim[]): Promise<ReadonlyMap<string, Grant>>;
}

export interface RequestClaim {
  readonly name: string;
  readonly limit: RequestLimit;
  readonly wanted: number;
  /** Of what was granted before; given back. */
  readonly unused: number;
}
