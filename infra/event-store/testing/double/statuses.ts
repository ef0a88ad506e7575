/** How the server says no: the statuses, details and words of the real one. */
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';

export type Refusal = Partial<StatusObject> & Pick<StatusObject, 'code' | 'details'>;

export const serverNotReady = (): Refusal => ({
  code: status.UNAVAILABLE,
  details: 'Server Is Not Ready',
});

export const serverTooBusy = (): Refusal => ({
  code: status.UNAVAILABLE,
  details: 'Server Is Too Busy',
});

/** The client then connects to the endpoint that is named. */
export const notLeader = (host: string, port: number): Refusal =>
  refusal(status.NOT_FOUND, 'Leader info available', {
    exception: 'not-leader',
    'leader-endpoint-host': host,
    'leader-endpoint-port': `${port}`,
  });

/** Without credentials, or of a user who may not. */
export const accessDenied = (): Refusal =>
  refusal(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });

/** An unknown user, or a wrong password. */
export const unauthenticated = (): Refusal => ({
  code: status.UNAUTHENTICATED,
  details: 'Unauthenticated',
});

export const streamDeleted = (stream: string): Refusal =>
  refusal(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });

/** An append that was not indexed in time, or that was dropped as a repetition of one. */
export const appendTimedOut = (): Refusal => ({
  code: status.ABORTED,
  details: 'Operation timed out: Prepare phase timeout.',
});

export const appendTooLarge = (bytesMax: number): Refusal =>
  refusal(status.INVALID_ARGUMENT, `Maximum Append Size of ${bytesMax} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': `${bytesMax}`,
  });

export const wrongExpectedVersion = (stream: string, expected: string, actual: number): Refusal =>
  refusal(
    status.FAILED_PRECONDITION,
    `Delete failed due to WrongExpectedVersion. Stream: ${stream}, ` +
      `Expected version: ${expected}, Actual version: ${actual}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': expected,
      'actual-version': `${actual}`,
    },
  );

/** What servers before 24.2 do to a subscriber that does not keep up. */
export const consumerTooSlow = (when: 'live' | 'transitioning to live'): Refusal => ({
  code: status.ABORTED,
  details:
    `Operation timed out: Consumer too slow to handle event while ${when}. ` +
    'Client resubscription required.',
});

/** A subscription from 24.2 on, from a position that no record begins at. */
export const invalidPosition = (): Refusal => ({
  code: status.INVALID_ARGUMENT,
  details: 'Trying to read from an invalid position.',
});

/** A one-off read from such a position; the result is `Error` before 24.2. */
export const unexpectedResult = (type: string, result: string): Refusal => ({
  code: status.UNKNOWN,
  details: `Unexpected ${type}: ${result}`,
});

/** Whatever the server's own code did not catch. */
export const exceptionThrown = (): Refusal => ({
  code: status.UNKNOWN,
  details: 'Exception was thrown by handler.',
});

export const invalidArgument = (details: string): Refusal => ({
  code: status.INVALID_ARGUMENT,
  details,
});

function refusal(
  code: status,
  details: string,
  entries: Readonly<Record<string, string>>,
): Refusal {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return { code, details, metadata };
}
