/**
 * R16's process: makes the tree over a log, exports a feed to a file, verifies such a file; each as
 * the commands do. It is a new one each time, so that its peak of resident memory is that of one.
 */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pino from 'pino';
import { verifyFile } from '../../audit/offline/verify-file.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { openLeafSalts } from '../../domain/proof/salts.js';
import type { NoteSigner } from '../../domain/proof/signed-note.js';
import { openPostgresEventStore } from '../../infra/event-store/postgres/postgres.js';
import { openMetrics } from '../../infra/metrics.js';
import { openPool } from '../../infra/postgres/pool.js';
import { exportFeed } from '../../infra/proof-store/export-feed.js';
import { openPostgresProofStore } from '../../infra/proof-store/postgres.js';
import { openSignedLog } from '../../infra/proof-store/signed-log.js';
import { openSecrets, signingSeed } from '../../infra/secrets.js';
import { growTreeUntil } from '../../processors/make-checkpoints/grow-tree.js';
import { servePart } from './part.js';

export interface AuditFilesConfig {
  readonly url: string;
}

export type AuditFilesAsk =
  | { readonly do: 'grow' }
  | { readonly do: 'export'; readonly organizationId: OrganizationId; readonly path: string }
  | { readonly do: 'verify'; readonly path: string };

export interface AuditFilesAnswer {
  readonly events: number;
  readonly seconds: number;
  /** Of this process. */
  readonly cpuSeconds: number;
  readonly peakMib: number;
}

const log = pino({ level: 'silent' });
const GROWN_MS_MAX = 600_000;

servePart<AuditFilesConfig, null, AuditFilesAsk, AuditFilesAnswer>(async ({ url }) => {
  const pool = openPool(url, { max: 4, applicationName: 'modelroute bench', log });
  const store = openPostgresEventStore({ url, log });
  const proofs = openPostgresProofStore({ pool });
  const checkpointKey = signingSeed('the checkpoint key of the benchmarks');
  const secrets = openSecrets('the master key of the benchmarks, of many characters');
  const signed = openSignedLog({ proofs, checkpointKey });
  const salts = openLeafSalts(secrets.leafSaltsKey);

  async function grown(): Promise<number> {
    const ended = new AbortController();
    const growing = { checkpointKey, log, metrics: openMetrics(), proofs, secrets, store };
    const running = growTreeUntil(growing, ended.signal, () => undefined);
    const covering = signed.covering(await store.head(), GROWN_MS_MAX, ended.signal);
    const found = await Promise.race([covering, running]);
    ended.abort();
    await running;
    if (!found?.isCovering) throw new Error('the tree of the benchmark did not grow');
    return found.checkpoint.size;
  }

  const signer = async (): Promise<NoteSigner> => {
    const found = await signed.signer();
    if (!found) throw new Error('the log of the benchmark has no tree');
    return found;
  };

  async function exported(organizationId: OrganizationId, path: string): Promise<number> {
    const checkpoint = await proofs.newest((await signer()).name);
    if (!checkpoint) throw new Error('the log of the benchmark has no checkpoint');
    const sources = { proofs, store, salts, signer: await signer() };
    const range = { from: undefined, to: undefined, sinceSize: undefined };
    const chunks = exportFeed(sources, { organizationId, checkpoint, ...range });
    await pipeline(Readable.from(chunks, { objectMode: false }), createWriteStream(path));
    const ends = await proofs.feedEnds([organizationId]);
    return ends.get(organizationId)?.sequence ?? 0;
  }

  async function verified(path: string): Promise<number> {
    const found = await verifyFile(path, [await signer()]);
    if ('problem' in found) throw new Error(`${path}: ${found.problem}`);
    if (found.opened.kind !== 'export') throw new Error(`${path} is no export`);
    return found.opened.header.count;
  }

  const work = (ask: AuditFilesAsk): Promise<number> => {
    if (ask.do === 'grow') return grown();
    if (ask.do === 'export') return exported(ask.organizationId, ask.path);
    return verified(ask.path);
  };

  return {
    ready: null,
    async answer(ask) {
      const [began, cpu] = [performance.now(), process.cpuUsage()];
      const events = await work(ask);
      const seconds = (performance.now() - began) / 1_000;
      const { user, system } = process.cpuUsage(cpu);
      const peakMib = process.resourceUsage().maxRSS / 1_024;
      return { events, seconds, cpuSeconds: (user + system) / 1e6, peakMib };
    },
    async close() {
      await store.close();
      await pool.end();
    },
  };
});
