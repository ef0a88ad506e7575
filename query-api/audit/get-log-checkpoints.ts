/** Every checkpoint that was signed, oldest first. */
import { checkpointsQuery, checkpointsSchema } from '../../contracts/http/audit.js';
import type { Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

export const getLogCheckpoints = ({ proofs }: Pick<QueryInfra, 'proofs'>): Route => ({
  method: 'GET',
  path: '/log/checkpoints',
  summary: 'List checkpoints of the log',
  description: 'Oldest first, from behind the size `after`: give the last one’s size to go on.',
  tag: 'Audit',
  audience: 'link',
  isDescribed: true,
  querySchema: checkpointsQuery,
  replySchemas: { 200: checkpointsSchema },
  async handle({ queryValues }) {
    const { after, limit } = queryValues as { after: number; limit: number };
    const origin = await proofs.origin();
    const found = origin === undefined ? [] : await proofs.checkpoints(origin, after, limit);
    const data = found.map(({ size, note, signedAt }) => ({
      size,
      note,
      signed_at: signedAt.toISOString(),
    }));
    return { status: 200, body: { data } };
  },
});
