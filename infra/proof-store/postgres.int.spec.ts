import { allMigrations } from '../migrations/all.js';
import { migratedPool } from '../postgres/testing/migrated-pool.js';
import { openPostgresProofStore } from './postgres.js';
import { proofStoreContract } from './testing/contract.js';

describe('proof store in postgres', () => {
  const database = migratedPool(allMigrations);

  proofStoreContract('postgres', async () => {
    const pool = await database();
    const close = async () =>
      void (await pool.query(`
        TRUNCATE proof.tree, proof.tiles, proof.feed_counts, proof.feed_leaves,
          proof.checkpoints, proof.keys`));
    return { proofs: openPostgresProofStore({ pool }), close };
  });
});
