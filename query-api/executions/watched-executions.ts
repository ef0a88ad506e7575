/** Readers who wait for executions: a status until it is over, a timeline as it happens. */
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type { LogFilter } from '../../infra/event-store/port.js';
import type { QueryInfra } from '../query-infra.js';
import { openWatches, type Watch } from '../watches.js';

export interface WatchedExecutions {
  /** Too many watch already: of the organization, or of the process. Throws `StoreUnavailable`. */
  watch(
    organizationId: OrganizationId,
    executionId: ExecutionId,
  ): Promise<Watch | 'share' | 'process'>;
}

/** Of one organization; a connection each. */
export const WATCHES_SHARE_MAX = 200;

/** What is entered in a timeline after its beginning. */
const FILTER: LogFilter = {
  categories: ['execution'],
  types: [
    'ProviderDispatched',
    'ExecutionCompleted',
    'ExecutionFailed',
    'ExecutionCancelled',
    'ExecutionExpired',
  ],
};

export function openWatchedExecutions(infra: Pick<QueryInfra, 'store' | 'log'>): WatchedExecutions {
  const watches = openWatches(infra, {
    filter: FILTER,
    subjectOf: ({ stream }) => stream,
    shareMax: WATCHES_SHARE_MAX,
  });
  return {
    watch: (organizationId, executionId) =>
      watches.watch(organizationId, streamOf('execution', executionId)),
  };
}
