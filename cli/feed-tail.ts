/** `events tail --organization`: the feed of an organization, one CloudEvent a line. */
import { feedTypes, type FeedType } from '../contracts/cloud-events/feed-types.js';
import { cloudEventText } from '../domain/feed/cloud-event.js';
import { fedTypes, feedOf } from '../domain/feed/feed-event.js';
import { feedHead, readFeedPage, type FeedQuery } from '../infra/read-store/feed.js';
import { rowsOf, type Question } from '../infra/read-store/reading.js';
import { StartError } from '../infra/start-error.js';
import { withDatabase, type Database } from '../runtime/open-database.js';
import type { Context } from './context.js';
import { expectOrganization, organizationIdIn } from './organization-id.js';

const NEWEST = 20n;
const PAGE = 500;

interface TailOptions {
  readonly organization: string;
  /** The number of the first event. */
  readonly from?: bigint;
  readonly types?: string;
  readonly follow?: true;
}

export function tailFeed(context: Context, options: TailOptions): Promise<void> {
  const { from, follow } = options;
  const organizationId = organizationIdIn(options.organization);
  const types = typesOf(options.types);
  return withDatabase(context.config(), async (database) => {
    await expectOrganization(database.store, organizationId);
    const read = (question: Question) => rowsOf(database.readStore, question);
    const head = await feedHead(read, organizationId);
    const first = from ?? head - NEWEST + 1n;
    const after = first > 0n ? first - 1n : 0n;
    const query = { organizationId, after, limit: PAGE, ...(types && { types }) };
    const upTo = await printed(context, database, query);
    if (follow) await followed(context, database, { ...query, after: upTo });
  });
}

function typesOf(types: string | undefined): readonly FeedType[] | undefined {
  if (types === undefined) return undefined;
  const names = types.split(',').map((name) => name.trim());
  for (const name of names)
    if (!Object.hasOwn(feedTypes, name))
      throw new StartError(`A feed has no type ${name}: use ${Object.keys(feedTypes).join(', ')}.`);
  return names as FeedType[];
}

/** All that is there; answers up to which number. */
async function printed(
  { print, signal }: Context,
  { readStore }: Database,
  query: FeedQuery,
): Promise<bigint> {
  for (let { after } = query; ;) {
    const page = await readFeedPage((asked) => rowsOf(readStore, asked), { ...query, after });
    for (const event of page.events) print(cloudEventText(event));
    after = page.upTo;
    if (!page.hasMore || signal.aborted) return after;
  }
}

/** How long the projection may take to what an event of the log says that there is. */
const PATIENCE_MS = 10_000;

async function followed(context: Context, database: Database, query: FeedQuery): Promise<void> {
  const { store, progress } = database;
  let { after } = query;
  for await (const batch of store.subscribe(
    await store.head(),
    { types: fedTypes },
    context.signal,
  )) {
    if (!batch.events.some((event) => feedOf(event) === query.organizationId)) continue;
    await progress.passed('feed', batch.position, PATIENCE_MS);
    after = await printed(context, database, { ...query, after });
  }
}
