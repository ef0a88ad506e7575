/** That one tree begins with another. */
import { consistencyQuery, consistencySchema } from '../../contracts/http/audit.js';
import { hashToBase64 } from '../../domain/proof/hashes.js';
import { consistencyRanges } from '../../domain/proof/proofs.js';
import type { Route } from '../../http/server/route.js';
import { openTreeReader } from '../../infra/proof-store/tree-reader.js';
import type { QueryInfra } from '../query-infra.js';
import { refusedSize, whenStored } from './sizes.js';

export const getLogConsistency = ({ proofs }: Pick<QueryInfra, 'proofs'>): Route => ({
  method: 'GET',
  path: '/log/proofs/consistency',
  summary: 'Prove that a tree goes on from an earlier one',
  description: 'The proof of RFC 9162 between the trees of two sizes; empty where they are equal.',
  tag: 'Audit',
  audience: 'link',
  isDescribed: true,
  querySchema: consistencyQuery,
  replySchemas: { 200: consistencySchema },
  async handle({ queryValues }) {
    const { from, to } = queryValues as { from: number; to: number };
    const newest = await newestSize(proofs);
    if (to > newest) return refusedSize('to', newest);
    if (from > to) return refusedSize('from', to);
    const ranges = from === 0 || from === to ? [] : consistencyRanges(from, to);
    return whenStored(async () => {
      const hashes = await openTreeReader(proofs).proof(ranges);
      return { status: 200, body: { hashes: hashes.map(hashToBase64) } };
    });
  },
});

/** Of what was signed; 0 where nothing was. */
export async function newestSize(proofs: QueryInfra['proofs']): Promise<number> {
  const origin = await proofs.origin();
  const newest = origin === undefined ? undefined : await proofs.newest(origin);
  return newest?.size ?? 0;
}
