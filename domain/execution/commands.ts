/** What may be asked of an execution. */
import type { CanonicalCode, ErrorDetail } from '../../contracts/error-codes.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { Advice, OutputFile, PayloadRef, Usage } from '../../contracts/events/execution.js';
import type { RouteCandidate } from '../../contracts/events/route-candidate.js';
import type { ExecutionId, HoldId, OrganizationId } from '../../contracts/ids.js';
import type { Micros } from '../../contracts/money.js';
import type { Charge } from './charge.js';
import type { Requested } from './lifecycle.js';

export type Command =
  | { type: 'Request'; data: Requested }
  | {
      type: 'Dispatch';
      provider: string;
      route: string;
      dispatchKey: string;
      deadline: Timestamp;
      candidates: readonly RouteCandidate[];
      /** Where it is not the one that was asked for. */
      model?: string;
      /** Where the route promises to work on it. */
      region?: string;
      /** Of the provider, where it has several or a limit. */
      account?: string;
      /** What may be lost at providers whose outcome is unknown; nothing where absent. */
      unknownMaxCost?: Micros;
      at: Timestamp;
    }
  /** `pollAt` is absent where the provider only calls back. */
  | {
      type: 'RecordAccepted';
      attempt: number;
      providerJobId: string;
      pollAt?: Timestamp;
      at: Timestamp;
    }
  | { type: 'RecordSuccess'; attempt: number; success: Success; at: Timestamp }
  | { type: 'RecordFailure'; attempt: number; failure: Failure; at: Timestamp }
  | ({ type: 'RecordUnknown'; attempt: number; at: Timestamp } & Unknown)
  | { type: 'Complete'; attempt: number; completion: Completion; at: Timestamp }
  /** `detail` is for operators. */
  | ({ type: 'Fail'; code: CanonicalCode; detail?: string; at: Timestamp } & Advice)
  | { type: 'Cancel'; at: Timestamp }
  | { type: 'Expire'; at: Timestamp }
  | {
      type: 'Abandon';
      executionId: ExecutionId;
      organizationId: OrganizationId;
      holdId: HoldId;
      at: Timestamp;
    };

/** `cost` is its price, however much is held. */
export interface Success extends Charge {
  readonly output: PayloadRef;
  readonly usage: Usage;
  readonly providerCost: Micros;
}

export interface Unknown {
  readonly reason: string;
  /** The provider honours our idempotency key, so asking again cannot pay twice. */
  readonly repeatable: boolean;
  /** What the provider is owed at most, if it did the work; absent where nobody can tell. */
  readonly mayHaveCost?: Micros;
  /** While what may have been paid is within it, another provider follows; absent: none has it. */
  readonly unknownMaxCost?: Micros;
  readonly notBefore?: Timestamp;
  readonly attemptsMax: number;
}

export interface Failure {
  readonly code: CanonicalCode;
  readonly retryable: boolean;
  /** Only other routes may be tried. */
  readonly elsewhere?: true;
  readonly notBefore?: Timestamp;
  readonly detail: string;
  readonly details?: readonly ErrorDetail[];
  /** What the provider asked for; told to the caller where no attempt follows. */
  readonly retryAfterSeconds?: number;
  readonly attemptsMax: number;
}

/**
 * `success` is absent where it was recorded before (files had to be re-hosted first) and stands;
 * where the files say more of what was used, it takes the place of the recorded one.
 */
export interface Completion {
  readonly output: PayloadRef;
  readonly files: readonly OutputFile[];
  readonly summary: Readonly<Record<string, unknown>>;
  readonly success?: Success;
  /** Why a part of the output was not kept; for operators. */
  readonly detail?: string;
}
