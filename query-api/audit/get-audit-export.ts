/** The provable record of an organization, streamed. */
import { exportQuery } from '../../contracts/http/audit.js';
import { openLeafSalts } from '../../domain/proof/salts.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import { exportFeed } from '../../infra/proof-store/export-feed.js';
import { hasCome } from '../../infra/proof-store/feed-events.js';
import type { StoredCheckpoint } from '../../infra/proof-store/port.js';
import type { SignedLog } from '../../infra/proof-store/signed-log.js';
import { rangeOf } from '../created-range.js';
import type { QueryInfra } from '../query-infra.js';
import { pacedStream } from './paced-stream.js';
import { notYet, refusedSize, whenStored } from './sizes.js';

type ExportInfra = Pick<QueryInfra, 'proofs' | 'secrets' | 'store'>;

/** Exports at a time, of one organization and in one process. */
const EXPORTS_MAX = 4;
const COVERING_MS = 8_000;
const RETRY_SECONDS = '10';
/** Who takes less keeps the place of others: half a megabit a second. */
const PACE = { graceMs: 30_000, charsASecond: 64 * 1024 };

export function getAuditExport(infra: ExportInfra, log: SignedLog): Route {
  const exporting = new Set<string>();
  return {
    method: 'GET',
    path: '/audit/export',
    summary: 'Export everything about your organization, with proof',
    description:
      'Lines of JSON: a signed header, every event of your feed in the range with the place of ' +
      'its leaf in the Merkle tree over the log, the nodes of the inclusion proofs, and a signed ' +
      'checkpoint. `modelroute audit verify` and other programs check the file offline, with the ' +
      'key of `/.well-known/modelroute/checkpoint-key`. An event belongs to the range by the ' +
      'latest time of it and of all before it, so ranges that follow one another have each event ' +
      'once. One export of an organization at a time, and its reader must take 64 KB a second.',
    tag: 'Audit',
    audience: 'tenant',
    permission: 'audit:read',
    querySchema: exportQuery,
    replySchemas: { 200: 'The lines.' },
    replyTypes: { 'application/x-ndjson': { type: 'string' } },
    replyHeaders: ['Content-Disposition'],
    refusals: ['RATE_LIMITED', 'SERVICE_UNAVAILABLE'],
    async handle(request, { organizationId }: Caller) {
      if (exporting.has(organizationId) || exporting.size >= EXPORTS_MAX)
        return new Refusal('RATE_LIMITED', undefined, [BUSY], { 'retry-after': RETRY_SECONDS });
      exporting.add(organizationId);
      const done = () => void exporting.delete(organizationId);
      try {
        const reply = await begun(infra, log, { request, organizationId, done });
        if (reply instanceof Refusal) done();
        return reply;
      } catch (error) {
        done();
        throw error;
      }
    },
  };
}

/** Who confused the two would be signed that nothing happened. */
const INVERTED = new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
  { field: 'to', code: 'minimum', message: 'must not be before from' },
]);

const BUSY = { code: 'exports', message: 'another export is under way' };

interface Asked extends Pick<Caller, 'organizationId'> {
  readonly request: ApiRequest;
  readonly done: () => void;
}

async function begun(
  { proofs, secrets, store }: ExportInfra,
  log: SignedLog,
  asked: Asked,
): Promise<Reply | Refusal> {
  const { request, organizationId, done } = asked;
  const range = rangeOf(request, 'from', 'to');
  if (range.from && range.to && range.to < range.from) return INVERTED;
  const { since_size: sinceSize } = request.queryValues as { since_size?: number };
  const signer = await log.signer();
  if (!signer) return notYet();
  const checkpoint = await checkpointFor({ proofs, store }, log, asked, range.to);
  if (!checkpoint) return notYet();
  if (sinceSize !== undefined && sinceSize > checkpoint.size)
    return refusedSize('since_size', checkpoint.size);
  const salts = openLeafSalts(secrets.leafSaltsKey);
  const wanted = { organizationId, checkpoint, sinceSize, from: range.from, to: range.to };
  const chunks = exportFeed({ proofs, store, salts, signer }, wanted);
  return whenStored(async () => {
    const first = await chunks.next();
    const stream = pacedStream(goOn(first, chunks), PACE);
    stream.once('close', done);
    return { status: 200, headers: HEADERS, stream };
  });
}

/** A range that ended before the newest checkpoint has no use for another one. */
async function checkpointFor(
  { proofs, store }: Pick<ExportInfra, 'proofs' | 'store'>,
  log: SignedLog,
  { request, organizationId }: Asked,
  to: Date | undefined,
): Promise<StoredCheckpoint | undefined> {
  const newest = to && (await log.newest());
  if (newest && (await hasCome(proofs, { organizationId, to, size: newest.size }))) return newest;
  const covering = await log.covering(await store.head(), COVERING_MS, request.ended);
  return covering?.checkpoint;
}

const HEADERS = {
  'content-type': 'application/x-ndjson; charset=utf-8',
  'content-disposition': 'attachment; filename="audit-export.ndjson"',
  'cache-control': 'no-store',
};

/** What goes wrong at the beginning is refused; later the stream breaks, and the file is cut. */
async function* goOn(
  first: IteratorResult<string>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<string> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
