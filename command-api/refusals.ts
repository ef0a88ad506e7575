/** Every refusal of a decider, as its public error code. */
import type { ErrorCode, ErrorDetail } from '../contracts/error-codes.js';
import type * as Account from '../domain/account/account.js';
import type { GuardPassed } from '../domain/account/spending.js';
import type * as ApiKey from '../domain/api-key/api-key.js';
import type * as Batch from '../domain/batch/batch.js';
import type * as Delivery from '../domain/delivery/delivery.js';
import type * as Execution from '../domain/execution/execution.js';
import type * as File from '../domain/file/file.js';
import type * as Operators from '../domain/operators/operators.js';
import type * as Organization from '../domain/organization/organization.js';
import type * as WebhookEndpoint from '../domain/webhook-endpoint/webhook-endpoint.js';
import type * as WebhookRecovery from '../domain/webhook-recovery/webhook-recovery.js';
import { Refusal } from '../http/server/route.js';

type Rejection =
  | Account.Rejection
  | ApiKey.Rejection
  | Batch.Rejection
  | Execution.Rejection
  | File.Rejection
  | Operators.Rejection
  | Organization.Rejection
  | WebhookEndpoint.Rejection
  | 'LastOwner'
  | Delivery.Rejection
  | WebhookRecovery.Rejection
  | 'StorageQuotaExceeded'
  | 'UploadChanged';

const codeOf: Record<Exclude<Rejection, GuardPassed>, ErrorCode> = {
  AmountNotPositive: 'INPUT_VALIDATION_ERROR',
  AmountTooLarge: 'INPUT_VALIDATION_ERROR',
  DepositExistsWithDifferentAmount: 'IDEMPOTENCY_MISMATCH',
  AdjustmentExistsWithDifferentAmount: 'IDEMPOTENCY_MISMATCH',
  AdjustmentExceedsBalance: 'CONFLICT',
  HoldExistsWithDifferentAmount: 'IDEMPOTENCY_MISMATCH',
  TooManyOpenHolds: 'RATE_LIMITED',
  InsufficientFunds: 'INSUFFICIENT_BALANCE',
  LimitAboveOperators: 'FORBIDDEN',
  TooManyGuards: 'CONFLICT',
  NotRequested: 'NOT_FOUND',
  NotScheduled: 'NOT_FOUND',
  TooManyRedeliveries: 'CONFLICT',
  RecoveryUnderWay: 'CONFLICT',
  RequestedAlready: 'IDEMPOTENCY_MISMATCH',
  Abandoned: 'CONFLICT',
  AlreadyFinished: 'CONFLICT',
  NotDispatchable: 'CONFLICT',
  NotThisAttempt: 'CONFLICT',
  NotDelivered: 'CONFLICT',
  NotYetDue: 'CONFLICT',
  BatchUnknown: 'NOT_FOUND',
  BatchHasOtherItems: 'IDEMPOTENCY_MISMATCH',
  BatchIsOver: 'CONFLICT',
  BatchIsNotOver: 'CONFLICT',
  OrganizationExists: 'IDEMPOTENCY_MISMATCH',
  OrganizationUnknown: 'NOT_FOUND',
  OrganizationIsErased: 'CONFLICT',
  TooManyKeys: 'CONFLICT',
  TooManyOperatorKeys: 'CONFLICT',
  OperatorKeyUnknown: 'NOT_FOUND',
  KeyExists: 'CONFLICT',
  KeyUnknown: 'NOT_FOUND',
  KeyExpired: 'CONFLICT',
  RotatedTooOften: 'CONFLICT',
  LastOwner: 'CONFLICT',
  StorageQuotaExceeded: 'INSUFFICIENT_BALANCE',
  FileExists: 'CONFLICT',
  FileUnknown: 'NOT_FOUND',
  UploadUsed: 'CONFLICT',
  UploadChanged: 'CONFLICT',
  UploadExpired: 'FORBIDDEN',
  NotUploaded: 'CONFLICT',
  FileNotExpired: 'CONFLICT',
  FileNotDeleted: 'CONFLICT',
  EndpointUnknown: 'NOT_FOUND',
  EndpointExists: 'CONFLICT',
  EndpointEnabledSince: 'CONFLICT',
  TooManyEndpoints: 'CONFLICT',
  TooManySecrets: 'CONFLICT',
  KeyUsedForOther: 'IDEMPOTENCY_MISMATCH',
};

/** Said where the code's usual message would not help. */
const messageOf: Partial<Record<Rejection, string>> = {
  TooManyEndpoints: 'The organization has 50 webhook endpoints, as many as it may have.',
  TooManySecrets:
    'Three secrets sign at present, as many as may; a replaced one signs for 24 hours.',
  AmountNotPositive: 'The amount must be more than zero.',
  AmountTooLarge: 'The amount is too large.',
  DepositExistsWithDifferentAmount: 'The idempotency key was used with another amount.',
  AdjustmentExistsWithDifferentAmount: 'The idempotency key was used with another amount.',
  AdjustmentExceedsBalance: 'The available balance is too small for this adjustment.',
  BatchHasOtherItems: 'The idempotency key was used for a batch of other items.',
  BatchIsOver: 'All executions of the batch are over already.',
  OrganizationExists: 'The idempotency key was used with another name.',
  OrganizationIsErased: 'The organization was erased; nothing is accepted for it any more.',
  TooManyOpenHolds: 'Too many executions of this organization wait; try again later.',
  StorageQuotaExceeded: 'It does not fit into the storage of this organization.',
  UploadUsed: 'The upload URL was used; ask for another one.',
  UploadChanged: 'Other bytes came while it was confirmed; confirm it again.',
  UploadExpired: 'The upload URL has ended; ask for another one.',
  NotUploaded: 'No bytes of this file have arrived; send them to its upload URL first.',
  LimitAboveOperators: 'A limit may be lowered, but not raised above what the operator has set.',
  TooManyGuards: 'The organization has as many spending guards as it may have; clear some.',
  TooManyOperatorKeys: 'There are as many operator keys as there may be; revoke one first.',
  KeyExpired: 'The API key has expired: set another `expires_at` first, or create a new key.',
  RotatedTooOften: 'The API key was rotated too often within the hour; try again later.',
  LastOwner: 'It is the last key with `FULL`: create another one first, or rotate it.',
  TooManyRedeliveries: 'This delivery was sent again as often as it may be.',
  RecoveryUnderWay: 'Another recovery of this endpoint is under way; it ends within minutes.',
  TooManyKeys: 'The organization has as many API keys as it may have.',
};

/** Which field it is, or which limit it was, where a code has several. */
const detailsOf: Partial<Record<Rejection, readonly ErrorDetail[]>> = {
  AmountNotPositive: [{ field: 'amount', code: 'minimum', message: 'must be more than zero' }],
  AmountTooLarge: [{ field: 'amount', code: 'maximum', message: 'is too large' }],
  TooManyOpenHolds: [
    {
      code: 'waiting_executions',
      message: 'The organization has as many executions that are not over as it may have.',
    },
  ],
  StorageQuotaExceeded: [
    {
      code: 'storage_quota',
      message: 'The organization has stored as many bytes as it may store.',
    },
  ],
};

/** Executions end in seconds, so room is made within this time or the client asks again. */
const headersOf: Partial<Record<Rejection, Readonly<Record<string, string>>>> = {
  TooManyOpenHolds: { 'retry-after': '10' },
};

const messageOfGuard = {
  max_cost_per_execution: 'It may cost more than one execution may.',
  max_in_flight: 'As many executions are in flight as may be.',
  daily_limit: 'It may cost more than is left of this UTC day.',
  monthly_limit: 'It may cost more than is left of this UTC month.',
  per_minute: 'It may cost more than is left of 60 seconds.',
};

const passed = (code: keyof typeof messageOfGuard, scope: 'organization' | 'key'): ErrorDetail => ({
  code,
  message: messageOfGuard[code],
  scope,
});

/** Which spending guard it was, and whose. */
const guardOf: Record<GuardPassed, ErrorDetail> = {
  OrganizationMaxCostPerExecution: passed('max_cost_per_execution', 'organization'),
  OrganizationMaxInFlight: passed('max_in_flight', 'organization'),
  OrganizationDailyLimit: passed('daily_limit', 'organization'),
  OrganizationMonthlyLimit: passed('monthly_limit', 'organization'),
  OrganizationPerMinute: passed('per_minute', 'organization'),
  KeyMaxCostPerExecution: passed('max_cost_per_execution', 'key'),
  KeyMaxInFlight: passed('max_in_flight', 'key'),
  KeyDailyLimit: passed('daily_limit', 'key'),
  KeyMonthlyLimit: passed('monthly_limit', 'key'),
  KeyPerMinute: passed('per_minute', 'key'),
};

const isGuardPassed = (reason: Rejection): reason is GuardPassed => reason in guardOf;

export const refused = (reason: Rejection): Refusal =>
  isGuardPassed(reason)
    ? new Refusal('INSUFFICIENT_BALANCE', 'A spending guard is in force.', [guardOf[reason]])
    : new Refusal(codeOf[reason], messageOf[reason], detailsOf[reason], headersOf[reason]);

/** One field of the request is wrong. */
export const invalidField = (field: string, code: string, message: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', undefined, [{ field, code, message }]);
