/**
 * How a call to another server ended. Guarded calls (places that somebody else named) and trusted
 * calls (configured providers) use the same words; what an end means is decided by their callers.
 */

import type { IncomingHttpHeaders } from 'node:http';

/**
 * timeout: the deadline passed. connect: no connection. dns: no address. reset: the connection
 * broke. tls: no trust. protocol: not HTTP as we accept it. too_large: a body or a head beyond
 * its cap. aborted: the caller's signal, or the client was closed.
 */
export type FailureReason =
  | 'timeout'
  | 'connect'
  | 'dns'
  | 'reset'
  | 'tls'
  | 'protocol'
  | 'too_large'
  | 'aborted';

/** Why something ended badly. `detail` is for operators; it never quotes what was sent. */
export interface Failure {
  readonly reason: FailureReason;
  readonly detail: string;
}

/** Policy forbids it, and will again: trying once more is of no use. */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
}

/** There is no answer. `mayHaveStarted` is false only when not one byte can have left. */
export interface Failed extends Failure {
  readonly kind: 'failed';
  readonly mayHaveStarted: boolean;
}

/** `body` is as it came, encodings included; it is not whole when `cut` says why. */
export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly cut: Failure | undefined;
}

export type Ended = Answered | Refused | Failed;
