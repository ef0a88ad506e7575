/** How an endpoint takes its deliveries, after one more attempt at it. */
import type {
  DeliveryAttemptFailed,
  DeliveryExhausted,
  DeliverySucceeded,
} from '../../contracts/events/delivery.js';
import {
  RECENT_FAILURES_MAX,
  type EndpointHealthRow,
} from '../../infra/read-store/tables/deliveries.js';

export type Attempted = DeliveryAttemptFailed | DeliverySucceeded | DeliveryExhausted;

type Health = Omit<EndpointHealthRow, 'position'>;
type Whose = Pick<Health, 'endpointId' | 'organizationId'>;

/** The most that the column holds. */
const COUNT_MAX = 2 ** 31 - 1;

export function healthAfter({ type, data }: Attempted, known: Health | Whose): Health {
  const { at } = data;
  const before: Health = { ...NEW, ...known };
  if (type === 'DeliverySucceeded')
    return { ...healthy(before), failureCount: 0, lastSuccessAt: at };
  return {
    ...before,
    failureCount: Math.min(before.failureCount + 1, COUNT_MAX),
    lastFailureAt: at,
    failingSince: before.failingSince ?? at,
    recentFailures: [...before.recentFailures, at].slice(-RECENT_FAILURES_MAX),
    ...(type === 'DeliveryExhausted' && {
      exhaustedInRow: Math.min(before.exhaustedInRow + 1, COUNT_MAX),
      ...(data.cause === 'gone' && { goneAt: at }),
    }),
  };
}

const NEW = { failureCount: 0, exhaustedInRow: 0, recentFailures: [] } as const;

/** Nothing of before counts against it any more. */
export function healthy({ failingSince: _, goneAt: _2, ...rest }: Health): Health {
  return { ...rest, exhaustedInRow: 0, recentFailures: [] };
}
