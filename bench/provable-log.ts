/** A log of executions of two organizations among one another, as their feeds are exported from. */
import { randomUUID } from 'node:crypto';
import pino from 'pino';
import type { AnyEvent } from '../contracts/events/all.js';
import type { OrganizationId } from '../contracts/ids.js';
import type { StreamName } from '../contracts/streams.js';
import { appendOf } from '../command-handling/streams.js';
import { allMigrations } from '../infra/migrations/all.js';
import { NO_STREAM, type EventStore, type StreamAppend } from '../infra/event-store/port.js';
import { openPostgresEventStore } from '../infra/event-store/postgres/postgres.js';
import { storyOf, type Fact } from '../projectors/testing/kit.js';
import { query } from './database.js';

export interface FilledFeed {
  readonly organizationId: OrganizationId;
  readonly events: number;
}

/** Of one execution. */
const EVENTS = 6;
/** Executions of an append. */
const TOGETHER = 500;

/** The executions of both are spread over the whole log. */
export async function fillLog(url: string, sizes: readonly number[]): Promise<FilledFeed[]> {
  for (const { sql } of allMigrations) await query(url, sql);
  const store = openPostgresEventStore({ url, log: pino({ level: 'silent' }) });
  const feeds = sizes.map((size) => openFeed(Math.ceil(size / EVENTS)));
  const whole = Math.max(...feeds.map(({ executions }) => executions));
  for (let made = 0; made < whole; made += TOGETHER)
    for (const feed of feeds) await feed.appendTo(store, Math.min(1, (made + TOGETHER) / whole));
  await store.close();
  await query(url, 'VACUUM ANALYZE eventstore.events');
  return feeds.map(({ organizationId, executions }) => ({
    organizationId,
    events: executions * EVENTS,
  }));
}

function openFeed(executions: number) {
  const organizationId: OrganizationId = `org_${randomUUID()}`;
  let [made, accountRevision] = [0, NO_STREAM];

  function appendOnAccount(stream: StreamName, facts: readonly Fact[]): StreamAppend {
    const append = appendOf(stream, accountRevision, facts.map(eventOf), METADATA);
    accountRevision += facts.length;
    return append;
  }

  return {
    organizationId,
    executions,
    /** `part`: of all of its executions, so many are there then. */
    async appendTo(store: EventStore, part: number): Promise<void> {
      const stories = Array.from({ length: Math.ceil(executions * part) - made }, (_, n) => ({
        story: storyOf(organizationId),
        second: made + n,
      }));
      const [first] = stories;
      if (!first) return;
      made += stories.length;
      const { account } = first.story;
      const placed = stories.map(({ story, second }) => story.held(second));
      const settled = stories.map(({ story, second }) => story.settled(second + 2));
      const lives = stories.map(({ story, second }) => {
        const facts = [story.requested(second), story.dispatched(second), story.delivered(second)];
        const events = [...facts, story.completed(second + 1)].map(eventOf);
        return appendOf(story.stream, NO_STREAM, events, METADATA);
      });
      const appends = [
        appendOnAccount(account, placed),
        ...lives,
        appendOnAccount(account, settled),
      ] as const;
      const outcomes = await store.append({ appends });
      if (outcomes.some(({ status }) => status !== 'appended'))
        throw new Error('the log of the benchmark was not appended to');
    },
  };
}

const METADATA = { actor: 'bench', correlationId: 'bench', causationId: 'bench' };

const eventOf = ({ stream: _, ...event }: Fact): AnyEvent => event;
