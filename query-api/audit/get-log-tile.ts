/** Tiles of the log's tree: `<prefix>/tile/<L>/<N>[.p/<W>]` of C2SP tlog-tiles. */
import { HASH_BYTES } from '../../domain/proof/hashes.js';
import { parseTilePath } from '../../domain/proof/tiles.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { tileName } from '../../infra/proof-store/port.js';
import type { QueryInfra } from '../query-infra.js';

type TileInfra = Pick<QueryInfra, 'proofs'>;

/** `x001/x234/067.p/8`: five groups of digits, and the width of a partial tile. */
const SEGMENTS_MAX = 6;
const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'] as const;

/** A tile never changes: a partial one is a tile of its own for each width. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** One for each number of segments that an index may have. */
export const getLogTile = (infra: TileInfra): readonly Route[] =>
  Array.from({ length: SEGMENTS_MAX }, (_, n) => tileRoute(infra, NAMES.slice(0, n + 1)));

const tileRoute = (infra: TileInfra, names: readonly string[]): Route => ({
  method: 'GET',
  path: `/log/tile/{level}/${names.map((name) => `{${name}}`).join('/')}`,
  summary: 'Read a tile of the log’s tree',
  tag: 'Audit',
  audience: 'link',
  replySchemas: { 200: 'Hashes of 32 bytes, side by side.' },
  refusals: ['NOT_FOUND'],
  handle: (request) => tileIn(infra, request, names),
});

async function tileIn(
  { proofs }: TileInfra,
  { params }: ApiRequest,
  names: readonly string[],
): Promise<Reply | Refusal> {
  const rest = names.map((name) => params[name]).join('/');
  const path = parseTilePath(`tile/${params['level']}/${rest}`);
  if (!path) return new Refusal('NOT_FOUND');
  const stored = (await proofs.tiles([path])).get(tileName(path));
  const bytes = path.width * HASH_BYTES;
  if (!stored || stored.length < bytes) return new Refusal('NOT_FOUND');
  const headers = { 'content-type': 'application/octet-stream', 'cache-control': FOR_EVER };
  return { status: 200, headers, raw: stored.subarray(0, bytes) };
}
