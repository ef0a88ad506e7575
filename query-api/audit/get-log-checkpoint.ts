/** The newest checkpoint of the log: `<prefix>/checkpoint` of C2SP tlog-tiles. */
import { Refusal, type Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

/** What is behind it is signed within seconds. */
const MAX_AGE = 'public, max-age=2';

export const getLogCheckpoint = ({ proofs }: Pick<QueryInfra, 'proofs'>): Route => ({
  method: 'GET',
  path: '/log/checkpoint',
  summary: 'Read the newest checkpoint of the log',
  description:
    'A signed note (C2SP tlog-checkpoint) over the Merkle tree of all events. Its key is at ' +
    '`/.well-known/modelroute/checkpoint-key`. Tiles of the tree are beside it in the layout of ' +
    'C2SP tlog-tiles: `/v1/log/tile/<level>/<index>[.p/<width>]`. Nobody needs a key for them; ' +
    'they are hashes of salted events.',
  tag: 'Audit',
  audience: 'link',
  isDescribed: true,
  replySchemas: { 200: 'The note.' },
  replyTypes: { 'text/plain': { type: 'string' } },
  refusals: ['NOT_FOUND'],
  async handle() {
    const origin = await proofs.origin();
    const newest = origin === undefined ? undefined : await proofs.newest(origin);
    if (!newest) return new Refusal('NOT_FOUND');
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': MAX_AGE };
    return { status: 200, headers, raw: newest.note };
  },
});
