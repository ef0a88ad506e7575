/** The log of an installation and the keys that its proofs are made with, for commands. */
import { openLeafSalts, saltsId } from '../../domain/proof/salts.js';
import type { Config } from '../../infra/config/config.js';
import { FIRST_EPOCH, readIdentity } from '../../infra/event-store/identity.js';
import type { ExportSources } from '../../infra/proof-store/export-feed.js';
import type { StoredCheckpoint } from '../../infra/proof-store/port.js';
import { openPostgresProofStore } from '../../infra/proof-store/postgres.js';
import { openSignedLog } from '../../infra/proof-store/signed-log.js';
import { openSecrets, signingSeed } from '../../infra/secrets.js';
import { StartError } from '../../infra/start-error.js';
import { sharedCheckpointKey } from '../serve/keys.js';
import { keptKey, masterKeyOf } from '../../runtime/master-key.js';
import { withDatabase, type Database } from '../../runtime/open-database.js';

export interface ProvenLog extends ExportSources {
  readonly database: Database;
  readonly checkpoint: StoredCheckpoint;
}

/** Throws `StartError` where nothing was signed yet, or with other keys than those of the log. */
export async function withProvenLog<T>(
  config: Config,
  work: (log: ProvenLog) => Promise<T>,
): Promise<T> {
  return withDatabase(config, async (database) => {
    const { readStore: pool, store } = database;
    const epoch = (await readIdentity(pool))?.epoch ?? FIRST_EPOCH;
    const proofs = openPostgresProofStore({ pool, epoch });
    const masterKey = await masterKeyOf(config);
    const key =
      config.checkpointKey ??
      sharedCheckpointKey(config) ??
      (await keptKey(config, 'checkpoint-key'));
    const salts = openLeafSalts(openSecrets(masterKey).leafSaltsKey);
    const tree = await proofs.tree();
    const signer = await openSignedLog({ proofs, checkpointKey: signingSeed(key) }).signer();
    const checkpoint = tree && (await proofs.newest(tree.origin, tree.edge.size));
    if (!tree || !signer || !checkpoint)
      throw new StartError('No checkpoint of this log was signed yet: start the system first.');
    if (tree.saltsId !== saltsId(salts))
      throw new StartError(
        'MODELROUTE_MASTER_KEY is not the one with which the proof of this log was made.',
      );
    return work({ database, proofs, store, salts, signer, checkpoint });
  });
}
