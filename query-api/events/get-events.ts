/** The feed of an organization: what happened to it, as CloudEvents, at once or as it happens. */
import { feedTypes, type FeedType } from '../../contracts/cloud-events/feed-types.js';
import {
  cloudEventBatchSchema,
  cloudEventListSchema,
  cloudEventSchema,
  eventsQuery,
} from '../../contracts/http/events.js';
import { withExample } from '../../contracts/http/parts.js';
import { cloudEventText } from '../../domain/feed/cloud-event.js';
import { preferred } from '../../http/server/accept.js';
import { lastEventIdOf } from '../../http/server/event-stream.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import type { FeedPage, FeedQuery } from '../../infra/read-store/feed.js';
import { feedStream } from './feed-stream.js';
import { FEED_WATCHES_MAX, type Feeds, type FeedWatch } from './watched-feeds.js';

const LIST = 'application/json';
const BATCH = 'application/cloudevents-batch+json';
const SINGLE = 'application/cloudevents+json';
const EVENT_STREAM = 'text/event-stream';
const OFFER: readonly [string, ...string[]] = [LIST, BATCH, SINGLE, EVENT_STREAM];

/** So many are exact as a number. */
const ID_DIGITS_MAX = 15;

const STREAM_EXAMPLE =
  'retry: 2000\n\nid: 42\nevent: hold.settled\ndata: {"specversion":"1.0","sequence":' +
  '"0000000000000042","type":"hold.settled"}\n\n';

export const getEvents = (feeds: Feeds): Route => ({
  method: 'GET',
  path: '/events',
  summary: "Read your organization's feed",
  description:
    'Everything that happened to your organization, oldest first, numbered from 1 without a gap: ' +
    'whoever follows it from 0 knows its balance and the status of each execution. Events are ' +
    `CloudEvents 1.0, in a list as all lists are; with \`Accept: ${BATCH}\` in an array; with ` +
    `\`${SINGLE}\` the next one alone, or \`204\`; with \`${EVENT_STREAM}\` as they ` +
    'happen, as server-sent events: `id` is the number, `event` the type, `data` the event, and ' +
    '`Last-Event-ID` resumes it. A stream ends after a quarter of an hour, and with its key: ' +
    'connect again. `Feed-Sequence` is the number up to which you have all that you asked for: ' +
    'go on with it as `after`. Inputs and outputs are there as digests. ' +
    `At most ${FEED_WATCHES_MAX} streams and waiting reads of a key are served by a process.`,
  tag: 'Events',
  audience: 'tenant',
  permission: 'audit:read',
  querySchema: eventsQuery,
  headers: {
    Accept: `\`${LIST}\`, \`${BATCH}\`, \`${SINGLE}\` or \`${EVENT_STREAM}\`.`,
    'Last-Event-ID': 'Of a stream: the last `id` that its reader has; before `after`.',
  },
  replySchemas: { 200: cloudEventListSchema, 204: 'There is no next event.' },
  replyTypes: {
    [BATCH]: cloudEventBatchSchema,
    [SINGLE]: cloudEventSchema,
    [EVENT_STREAM]: withExample({ type: 'string' }, STREAM_EXAMPLE),
  },
  replyHeaders: ['Feed-Sequence', 'Link'],
  refusals: ['RATE_LIMITED'],
  async handle(request, caller) {
    const type = preferred(request.header('accept'), OFFER);
    if (type === EVENT_STREAM) return streamFor(feeds, request, caller);
    const limit = type === SINGLE ? 1 : askedIn(request).limit;
    const query = queryOf(request, caller, limit);
    if (query instanceof Refusal) return query;
    const page = await pageFor(feeds, request, caller, query);
    return page instanceof Refusal ? page : replyWith(request, type, page);
  },
});

interface Asked {
  readonly after?: string;
  readonly cursor?: string;
  readonly types?: string;
  readonly wait: number;
  readonly limit: number;
}

const askedIn = ({ queryValues }: ApiRequest): Asked => queryValues as unknown as Asked;

function queryOf(
  request: ApiRequest,
  { organizationId }: Caller,
  limit: number,
): FeedQuery | Refusal {
  const { after, cursor, types } = askedIn(request);
  const query = { organizationId, after: BigInt(cursor ?? after ?? 0), limit };
  if (types === undefined) return query;
  const wanted = [...new Set(types.split(','))];
  const unknown = wanted.find((type) => !Object.hasOwn(feedTypes, type));
  if (unknown !== undefined) return unknownType(unknown);
  return { ...query, types: wanted as FeedType[] };
}

async function pageFor(
  feeds: Feeds,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
  query: FeedQuery,
): Promise<FeedPage | Refusal> {
  const { wait } = askedIn(request);
  const endsAtMs = performance.now() + wait * 1_000;
  const page = await feeds.page(query);
  if (page.events.length > 0 || page.hasMore || wait === 0) return page;
  const watch = await feeds.watch(organizationId, keyId);
  if (typeof watch === 'string') return tooMany(watch);
  try {
    const leftMs = endsAtMs - performance.now();
    return await watch.next({ ...query, after: page.upTo }, leftMs, request.ended);
  } finally {
    watch.leave();
  }
}

function replyWith(request: ApiRequest, type: string, { events, upTo, hasMore }: FeedPage): Reply {
  const headers = { 'feed-sequence': `${upTo}`, vary: 'Accept', ...linkTo(request, upTo, hasMore) };
  if (type === SINGLE && events.length === 0) return { status: 204, headers };
  const text = events.map(cloudEventText).join(',\n');
  const next = hasMore ? `"${upTo}"` : 'null';
  const raw = {
    [LIST]: `{"data":[${text}],"next_cursor":${next}}`,
    [BATCH]: `[${text}]`,
    [SINGLE]: text,
  }[type];
  if (raw === undefined) throw new Error(`${type} is no type of a page`);
  return { status: 200, headers: { ...headers, 'content-type': `${type}; charset=utf-8` }, raw };
}

/** RFC 8288: where the next page is, where there is one now. */
function linkTo({ path, query }: ApiRequest, upTo: bigint, hasMore: boolean) {
  if (!hasMore) return {};
  query.delete('cursor');
  query.set('after', `${upTo}`);
  return { link: `<${path}?${query.toString()}>; rel="next"` };
}

async function streamFor(
  feeds: Feeds,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  for (const name of ['limit', 'wait']) if (request.query.has(name)) return notOfStream(name);
  const query = queryOf(request, caller, 1);
  if (query instanceof Refusal) return query;
  const last = lastEventIdOf(request, ID_DIGITS_MAX);
  if (last === undefined) return noSequence();
  const watch: FeedWatch | 'share' | 'process' = await feeds.watch(
    caller.organizationId,
    caller.keyId,
  );
  if (typeof watch === 'string') return tooMany(watch);
  const after = last > 0 ? BigInt(last) : query.after;
  return feedStream(watch, { ...query, after }, request.ended);
}

const tooMany = (full: 'share' | 'process'): Refusal =>
  full === 'process'
    ? new Refusal('SERVICE_UNAVAILABLE')
    : new Refusal('RATE_LIMITED', undefined, [
        {
          code: 'open_streams',
          message: `${FEED_WATCHES_MAX} streams and waiting reads of this key are open`,
        },
      ]);

const unknownType = (type: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    { field: 'types', code: 'unknown_type', message: `has ${type}, which is no type of event` },
  ]);

const notOfStream = (field: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    { field, code: 'unsupported', message: 'is of single reads, not of the stream' },
  ]);

const noSequence = (): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The headers are not valid.', [
    { field: 'last-event-id', code: 'pattern', message: 'is no id of this stream' },
  ]);
