/** Every refusal of a decider, as its public error code. */
import type { ErrorCode, ErrorDetail } from '../contracts/error-codes.js';
import type * as Account from '../domain/account/account.js';
import type * as ApiKey from '../domain/api-key/api-key.js';
import type * as Batch from '../domain/batch/batch.js';
import type * as Execution from '../domain/execution/execution.js';
import type * as File from '../domain/file/file.js';
import type * as Organization from '../domain/organization/organization.js';
import { Refusal } from '../http/server/route.js';

type Rejection =
  | Account.Rejection
  | ApiKey.Rejection
  | Batch.Rejection
  | Execution.Rejection
  | File.Rejection
  | Organization.Rejection
  | 'StorageQuotaExceeded';

const codeOf: Record<Rejection, ErrorCode> = {
  AmountNotPositive: 'INPUT_VALIDATION_ERROR',
  AmountTooLarge: 'INPUT_VALIDATION_ERROR',
  DepositExistsWithDifferentAmount: 'IDEMPOTENCY_MISMATCH',
  AdjustmentExistsWithDifferentAmount: 'IDEMPOTENCY_MISMATCH',
  AdjustmentExceedsBalance: 'CONFLICT',
  HoldExistsWithDifferentAmount: 'IDEMPOTENCY_MISMATCH',
  TooManyOpenHolds: 'RATE_LIMITED',
  InsufficientFunds: 'INSUFFICIENT_BALANCE',
  NotRequested: 'NOT_FOUND',
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
  TooManyKeys: 'CONFLICT',
  KeyExists: 'CONFLICT',
  KeyUnknown: 'NOT_FOUND',
  StorageQuotaExceeded: 'INSUFFICIENT_BALANCE',
  FileExists: 'CONFLICT',
  FileUnknown: 'NOT_FOUND',
  UploadUsed: 'CONFLICT',
  UploadExpired: 'FORBIDDEN',
  NotUploaded: 'CONFLICT',
  FileNotExpired: 'CONFLICT',
  FileNotDeleted: 'CONFLICT',
};

/** Said where the code's usual message would not help. */
const messageOf: Partial<Record<Rejection, string>> = {
  AmountNotPositive: 'The amount must be more than zero.',
  AmountTooLarge: 'The amount is too large.',
  DepositExistsWithDifferentAmount: 'The idempotency key was used with another amount.',
  AdjustmentExistsWithDifferentAmount: 'The idempotency key was used with another amount.',
  AdjustmentExceedsBalance: 'The available balance is too small for this adjustment.',
  BatchHasOtherItems: 'The idempotency key was used for a batch of other items.',
  BatchIsOver: 'All executions of the batch are over already.',
  OrganizationExists: 'The idempotency key was used with another name.',
  TooManyOpenHolds: 'Too many executions of this organization wait; try again later.',
  StorageQuotaExceeded: 'It does not fit into the storage of this organization.',
  UploadUsed: 'The upload URL was used; ask for another one.',
  UploadExpired: 'The upload URL has ended; ask for another one.',
  NotUploaded: 'No bytes of this file have arrived; send them to its upload URL first.',
  TooManyKeys: 'The organization has as many API keys as it may have.',
};

/** Which limit it was, where a code has several. */
const detailsOf: Partial<Record<Rejection, readonly ErrorDetail[]>> = {
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

export const refused = (reason: Rejection): Refusal =>
  new Refusal(codeOf[reason], messageOf[reason], detailsOf[reason], headersOf[reason]);

/** One field of the request is wrong. */
export const invalidField = (field: string, code: string, message: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', undefined, [{ field, code, message }]);
