import { specFor } from '../testing/given-when-then.js';
import * as WebhookRecovery from './webhook-recovery.js';

const { given } = specFor(WebhookRecovery);

const time = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const fact = { endpointId: 'we_1', organizationId: 'org_1' } as const;
const requested = (recoveryId: string, since: number, at: number) =>
  ({
    type: 'RecoveryRequested',
    data: { ...fact, recoveryId, since: time(since), at: time(at) },
  }) as const;
const request = (recoveryId: string, since: number, at: number): WebhookRecovery.Command => ({
  type: 'Request',
  data: requested(recoveryId, since, at).data,
});
const finished: WebhookRecovery.Event = {
  type: 'RecoveryFinished',
  data: { ...fact, recoveryId: 'one', redelivered: 3, at: time(20) },
};
const finish = (recoveryId: string): WebhookRecovery.Command => ({
  type: 'Finish',
  recoveryId,
  redelivered: 3,
  at: time(20),
});

describe('WebhookRecovery', () => {
  it('runs until it is finished', () => {
    given()
      .when(request('one', 0, 10))
      .then(requested('one', 0, 10));
    given(requested('one', 0, 10))
      .when(finish('one'))
      .then(finished);
    given(requested('one', 0, 10), finished)
      .when(finish('one'))
      .thenAlreadyDone();
    given(requested('one', 0, 10), finished)
      .when(request('two', 5, 30))
      .then(requested('two', 5, 30));
  });

  it('is one at a time, and the same for whoever asks for no more than it does', () => {
    given(requested('one', 5, 10))
      .when(request('two', 5, 11))
      .thenAlreadyDone();
    given(requested('one', 5, 10))
      .when(request('two', 6, 11))
      .thenAlreadyDone();
    given(requested('one', 5, 10))
      .when(request('two', 4, 11))
      .thenRejected('RecoveryUnderWay');
  });

  it('gives way after an hour, and then its end is of no account', () => {
    given(requested('one', 5, 10))
      .when(request('two', 4, 70))
      .then(requested('two', 4, 70));
    given(requested('one', 5, 10), requested('two', 4, 70))
      .when(finish('one'))
      .thenAlreadyDone();
  });
});
