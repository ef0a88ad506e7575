/** What providers do to us, one at a time, for `make storm`: F8 and F9 of sync calls and jobs. */
import { misbehaviours } from '../../sandbox/misbehave.js';
import type { behave } from '../../sandbox/testing/behaviour.js';

export interface ProviderFault {
  readonly name: string;
  /** Of the personalities behind the sick models; the others are well. */
  readonly behaviour: NonNullable<Parameters<typeof behave>[1]['borealis']>;
}

const answers: readonly ProviderFault[] = Object.keys(misbehaviours).map((misbehaviour) => ({
  name: misbehaviour,
  behaviour: { misbehaviour, misbehaveRate: 1 },
}));

const statuses: readonly ProviderFault[] = [500, 502, 503, 504].map((errorStatus) => ({
  name: `every answer is ${errorStatus}`,
  behaviour: { errorRate: 1, errorStatus },
}));

const throttles: readonly ProviderFault[] = [null, 1, 3_600].map((retryAfterSeconds) => ({
  name: `429, Retry-After ${retryAfterSeconds ?? 'absent'}`,
  behaviour: { errorRate: 1, errorStatus: 429, retryAfterSeconds },
}));

const jobs: readonly ProviderFault[] = [
  { name: 'jobs never end', behaviour: { jobsEnd: 'never' } },
  { name: 'jobs are forgotten', behaviour: { forgetsJobs: true } },
  {
    name: 'polls hang',
    behaviour: { misbehaviour: 'timeout', misbehaveRate: 1, faultsOn: 'polls' },
  },
  { name: 'files drip', behaviour: { misbehaviour: 'drip', misbehaveRate: 1, faultsOn: 'files' } },
  {
    name: 'callbacks come five times, in any order',
    behaviour: { callbackTimes: 5, callbacksDisordered: true },
  },
  { name: 'callbacks come after the end', behaviour: { callbackDelayMs: 6_000 } },
  { name: 'callbacks are signed by another', behaviour: { callbackSignature: 'wrong' } },
];

export const providerFaults: readonly ProviderFault[] = [
  ...answers,
  ...statuses,
  ...throttles,
  ...jobs,
];
