/** Readers who wait for events of their feed, and the pages that they are given. */
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { fedTypes, feedOf } from '../../domain/feed/feed-event.js';
import { pause } from '../../infra/concurrency/pause.js';
import { readFeedPage, type FeedPage, type FeedQuery } from '../../infra/read-store/feed.js';
import { caughtUp } from '../caught-up.js';
import type { ListInfra, QueryInfra } from '../query-infra.js';
import { openWatches, type Watch } from '../watches.js';

export interface Feeds {
  /** Shows what its reader did before, unless the projection is far behind. */
  page(query: FeedQuery): Promise<FeedPage>;
  /** Too many wait already: of the key, or of the process. Throws `StoreUnavailable`. */
  watch(organizationId: OrganizationId, keyId: ApiKeyId): Promise<FeedWatch | 'share' | 'process'>;
}

export interface FeedWatch {
  /** The next page with an event; an empty one after so many milliseconds, or when it ended. */
  next(query: FeedQuery, ms: number, ended: AbortSignal): Promise<FeedPage>;
  leave(): void;
}

/** Of one API key; a connection each. */
export const FEED_WATCHES_MAX = 20;

/** The projection is behind: it is looked at again so soon, as no event may come to say so. */
const BEHIND_MS = 1_000;

type Infra = Pick<ListInfra, 'progress' | 'reads' | 'store'> & Pick<QueryInfra, 'log'>;

export function openFeeds(infra: Infra): Feeds {
  const watches = openWatches(infra, {
    filter: { types: fedTypes },
    subjectOf: feedOf,
    shareMax: FEED_WATCHES_MAX,
  });
  const pageOf = sharedWithinATurn((query) =>
    readFeedPage((asked) => infra.reads.rows(query.organizationId, asked), query),
  );
  const read = async (query: FeedQuery) => {
    const isCaughtUp = await caughtUp(infra, 'feed');
    return { page: await pageOf(query), isCaughtUp };
  };
  return {
    page: async (query) => (await read(query)).page,
    async watch(organizationId, keyId) {
      const watch = await watches.watch(keyId, organizationId);
      return typeof watch === 'string' ? watch : watching(read, watch);
    },
  };
}

/** An event wakes all who follow a feed to its end: those who ask for the same share a read. */
function sharedWithinATurn(read: (query: FeedQuery) => Promise<FeedPage>) {
  const asked = new Map<string, Promise<FeedPage>>();
  return (query: FeedQuery): Promise<FeedPage> => {
    const { organizationId, after, limit, types = [] } = query;
    const name = [organizationId, after, limit, ...types].join();
    const known = asked.get(name);
    if (known) return known;
    const reading = endOfTurn().then(() => {
      asked.delete(name);
      return read(query);
    });
    asked.set(name, reading);
    return reading;
  };
}

function watching(
  read: (query: FeedQuery) => Promise<{ page: FeedPage; isCaughtUp: boolean }>,
  watch: Watch,
): FeedWatch {
  return {
    async next(query, ms, ended) {
      const endsAtMs = performance.now() + ms;
      for (let { after } = query; ;) {
        const { page, isCaughtUp } = await read({ ...query, after });
        const leftMs = endsAtMs - performance.now();
        if (page.events.length > 0 || leftMs <= 0 || ended.aborted) return page;
        after = page.upTo;
        if (page.hasMore) continue;
        if (isCaughtUp) await watch.changed(leftMs, ended);
        else await pause(Math.min(leftMs, BEHIND_MS), ended);
      }
    },
    leave: () => watch.leave(),
  };
}
