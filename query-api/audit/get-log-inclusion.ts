/** That a leaf is in a tree. */
import { inclusionQuery, inclusionSchema } from '../../contracts/http/audit.js';
import { hashToBase64 } from '../../domain/proof/hashes.js';
import { inclusionRanges } from '../../domain/proof/proofs.js';
import type { Route } from '../../http/server/route.js';
import { openTreeReader } from '../../infra/proof-store/tree-reader.js';
import type { QueryInfra } from '../query-infra.js';
import { newestSize } from './get-log-consistency.js';
import { refusedSize, whenStored } from './sizes.js';

export const getLogInclusion = ({ proofs }: Pick<QueryInfra, 'proofs'>): Route => ({
  method: 'GET',
  path: '/log/proofs/inclusion',
  summary: 'Prove that a leaf is in a tree',
  description: 'The proof of RFC 9162, from the leaf’s sibling on.',
  tag: 'Audit',
  audience: 'link',
  isDescribed: true,
  querySchema: inclusionQuery,
  replySchemas: { 200: inclusionSchema },
  async handle({ queryValues }) {
    const { index, size } = queryValues as { index: number; size: number };
    const newest = await newestSize(proofs);
    if (size > newest) return refusedSize('size', newest);
    if (index >= size) return refusedSize('index', size - 1);
    return whenStored(async () => {
      const reader = openTreeReader(proofs);
      const [leaf] = await reader.nodes([{ level: 0, index }]);
      const hashes = await reader.proof(inclusionRanges(index, size));
      const leafHash = leaf === undefined ? null : hashToBase64(leaf);
      return { status: 200, body: { leaf_hash: leafHash, hashes: hashes.map(hashToBase64) } };
    });
  },
});
