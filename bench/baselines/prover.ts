/** R17's process: grows the tree over a log and signs checkpoints of it, and does nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { FIRST_EPOCH, readIdentity } from '../../infra/event-store/identity.js';
import { openPostgresEventStore } from '../../infra/event-store/postgres/postgres.js';
import { openMetrics } from '../../infra/metrics.js';
import { openPool } from '../../infra/postgres/pool.js';
import { openPostgresProofStore } from '../../infra/proof-store/postgres.js';
import { openSecrets, signingSeed } from '../../infra/secrets.js';
import { growTreeUntil } from '../../processors/make-checkpoints/grow-tree.js';
import { servePart } from './part.js';

export interface ProverConfig {
  readonly url: string;
}

const log = pino({ level: 'silent' });
const POLL_MS = 50;

/** Answers once the tree has everything that is in the log: how many events it has then. */
servePart<ProverConfig, null, object, number>(async ({ url }) => {
  const pool = openPool(url, { max: 4, applicationName: 'modelroute-proving', log });
  const store = openPostgresEventStore({ url, log });
  const epoch = (await readIdentity(pool))?.epoch ?? FIRST_EPOCH;
  const proofs = openPostgresProofStore({ pool, epoch });
  const checkpointKey = signingSeed('the checkpoint key of the benchmarks');
  const secrets = openSecrets('the master key of the benchmarks, of many characters');
  const ended = new AbortController();
  const growing = { checkpointKey, log, metrics: openMetrics(), proofs, secrets, store };
  const running = growTreeUntil(growing, ended.signal, () => undefined);

  async function grown(): Promise<number> {
    const position = await store.head();
    for (;;) {
      const head = await proofs.head();
      if (head && head.position >= position) return head.edge.size;
      await sleep(POLL_MS);
    }
  }

  return {
    ready: null,
    answer: () => Promise.race([grown(), running.then(() => 0)]),
    async close() {
      ended.abort();
      await running;
      await store.close();
      await pool.end();
    },
  };
});
