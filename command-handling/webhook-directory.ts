/**
 * What organizations set up for their webhooks, for whoever has an event to deliver: exact, and
 * without a read for the many that set up nothing.
 *
 *   first endpoint ─► WebhooksSetUp in `webhookDirectory-all` ─► wait until no process can miss it
 *                                                                        │
 *   an event ─► is its organization in the directory? ─ no ─► nothing    └─► 201
 *                              └─ yes, or maybe ─► read its own stream
 *
 * A process knows the directory as of some moment in the last `STALE_MS`, by a read of what is new
 * in it, made while it is used and shared by all who ask. An organization is told of its first
 * endpoint `STALE_MS` after it came into the directory, by a clock that never goes back. So what
 * happens after that answer is judged by a process that knows it, in any process, also one that was
 * stopped in between: it looks at its clock again when it goes on.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebhooksSetUp } from '../contracts/events/webhook-endpoint.js';
import type { OrganizationId } from '../contracts/ids.js';
import { streamOf } from '../contracts/streams.js';
import { NO_SETTINGS, type WebhookSettings } from '../domain/webhook-endpoint/webhook-settings.js';
import { createBatchLoader } from '../infra/concurrency/batch-loader.js';
import { isOutage } from '../infra/event-store/outage.js';
import { NO_STREAM, StoreUnavailable, type EventStore } from '../infra/event-store/port.js';
import type { CommandMetadata } from './command-metadata.js';
import { openKnownOrganizations } from './known-organizations.js';
import type { Repositories } from './repositories.js';
import { appendOf, readEvents } from './streams.js';

/** Both throw `StoreUnavailable` or `StoreOverloaded`. */
export interface WebhookDirectory {
  /**
   * What the organization set up, as of the call or later: all that was answered before is in it.
   * At once, without a promise, where it set up nothing.
   */
  settingsOf(organizationId: OrganizationId): WebhookSettings | Promise<WebhookSettings>;
  /** Resolves once no process misses what is appended to the organization's stream after it. */
  setUp(organizationId: OrganizationId): Promise<void>;
}

interface WebhookDirectoryOptions extends Pick<Repositories, 'webhookEndpoints'> {
  readonly store: EventStore;
  readonly monotonicMs?: () => number;
}

export const STALE_MS = 300;
/** A look that is older is made again behind the answer, so that hardly anybody waits for one. */
const FRESH_MS = 100;

export function openWebhookDirectory(options: WebhookDirectoryOptions): WebhookDirectory {
  const { store, webhookEndpoints, monotonicMs = () => performance.now() } = options;
  const listing = openListing(store, monotonicMs);
  const read = createBatchLoader<OrganizationId, WebhookSettings>({
    nameOf: (organizationId) => organizationId,
    load: (ids) => Promise.all(ids.map(async (id) => (await webhookEndpoints.load(id)).state)),
    keysMax: 64,
    inFlightMax: 2, // those that ask for one organization meanwhile share its next read
    isOutage,
  });
  const answer = (organizationId: OrganizationId) =>
    listing.mayHave(organizationId) ? read(organizationId) : NO_SETTINGS;
  return {
    settingsOf(organizationId) {
      const nowMs = monotonicMs();
      if (listing.readAtMs() < nowMs - STALE_MS)
        return listing.readSince(nowMs - STALE_MS).then(() => answer(organizationId));
      // A failed look leaves the last one to grow stale; the next event then meets the failure.
      if (listing.readAtMs() < nowMs - FRESH_MS) listing.readSince(nowMs).catch(() => undefined);
      return answer(organizationId);
    },
    async setUp(organizationId) {
      if (!listing.mayHave(organizationId)) await listing.add(organizationId);
      const waitMs = listing.grewAtMs() + STALE_MS - monotonicMs();
      if (waitMs > 0) await sleep(waitMs);
    },
  };
}

interface Listing {
  mayHave(organizationId: OrganizationId): boolean;
  add(organizationId: OrganizationId): Promise<void>;
  /** When the last look began. */
  readAtMs(): number;
  /** When a look last found something new. */
  grewAtMs(): number;
  /** Resolves when a look that began at that moment, or later, is over. */
  readSince(ms: number): Promise<void>;
}

const STREAM = streamOf('webhookDirectory', 'all');
const PAGE_EVENTS_MAX = 2_000;
const ADDED_AT_A_TIME_MAX = 100;
/** Lost races in a row, each to a whole batch of another process. */
const ATTEMPTS_MAX = 20;

function openListing(store: EventStore, monotonicMs: () => number): Listing {
  const known = openKnownOrganizations();
  let [revision, readAtMs, grewAtMs] = [NO_STREAM, -Infinity, -Infinity];
  let underWay: Promise<void> | undefined;

  async function readOn(): Promise<void> {
    const beganAtMs = monotonicMs();
    let events;
    do {
      const options = { fromRevision: revision + 1, limit: PAGE_EVENTS_MAX };
      events = await readEvents<WebhooksSetUp>(store, STREAM, options);
      for (const { data } of events) known.add(data.organizationId);
      revision = events.at(-1)?.revision ?? revision;
      if (events.length > 0) grewAtMs = monotonicMs();
    } while (events.length === PAGE_EVENTS_MAX);
    readAtMs = beganAtMs;
  }

  const look = () => (underWay ??= readOn().finally(() => (underWay = undefined)));

  async function readSince(ms: number): Promise<void> {
    while (readAtMs < ms) await look();
  }

  /** Not the look that is under way: it may have read before what is asked for was written. */
  async function lookAgain(): Promise<void> {
    await underWay?.catch(() => undefined);
    await look();
  }

  const add = createBatchLoader<OrganizationId, void>({
    nameOf: (organizationId) => organizationId,
    async load(ids) {
      for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        await lookAgain();
        const missing = ids.filter((id) => !known.mayHave(id));
        if (missing.length === 0) return ids.map(() => undefined);
        await store.append({ appends: [appendOf(STREAM, revision, missing.map(setUp), METADATA)] });
      }
      throw new StoreUnavailable('the directory of webhooks is written to by too many at once');
    },
    keysMax: ADDED_AT_A_TIME_MAX,
    inFlightMax: 1,
    isOutage,
  });

  return {
    mayHave: (organizationId) => known.mayHave(organizationId),
    add,
    readAtMs: () => readAtMs,
    grewAtMs: () => grewAtMs,
    readSince,
  };
}

const METADATA: CommandMetadata = {
  actor: 'command-api',
  correlationId: 'webhook-directory',
  causationId: 'webhook-directory',
};

const setUp = (organizationId: OrganizationId): WebhooksSetUp => ({
  type: 'WebhooksSetUp',
  data: { organizationId, at: new Date().toISOString() },
});
