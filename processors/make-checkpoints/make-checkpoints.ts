/**
 * Grows the Merkle tree over the log and signs checkpoints of it. One replica at a time does, from
 * the log's first event on:
 *
 *   events ──► leaves, in memory ──half a second──► stored together ──► signed, every five seconds
 *
 * Tiles, counts and the position commit in one transaction, on condition that the tree is as large
 * as this process thinks: so whoever is killed leaves a tree that another goes on with, and of two
 * that think they are leased one grows it. The tree is a function of the log, and a size that was
 * signed is never signed with another root, so that no two trees of one size get a signature.
 */
import { pause } from '../../infra/concurrency/pause.js';
import { isOutage } from '../../infra/event-store/outage.js';
import { whileLeased } from '../../infra/leases/while-leased.js';
import type { Worker } from '../../infra/worker.js';
import type { Infra } from '../../runtime/infra.js';
import { growTreeUntil, type Growing } from './grow-tree.js';

const LEASE_MS = 10_000;
const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 10_000;

type MakingInfra = Growing & Pick<Infra, 'instance' | 'leases'>;

export const makeCheckpoints = (infra: MakingInfra): Worker => ({
  name: 'make-checkpoints',
  run: (signal) =>
    whileLeased({
      leases: infra.leases,
      name: 'make-checkpoints',
      holder: infra.instance,
      ttlMs: LEASE_MS,
      signal,
      work: (leased) => growAgainUntil(infra, leased),
      onOutage: (err) => infra.log.warn({ err }, 'the lease of the proof could not be asked for'),
    }),
});

/** After an outage, or when another process was quicker, from what is stored. */
async function growAgainUntil(infra: MakingInfra, signal: AbortSignal): Promise<void> {
  const { log, metrics } = infra;
  let pauseMs = PAUSE_FIRST_MS;
  const onGrown = () => {
    pauseMs = PAUSE_FIRST_MS;
    metrics.proofStopped.set(0);
  };
  while (!signal.aborted) {
    try {
      await growTreeUntil(infra, signal, onGrown);
    } catch (error) {
      if (signal.aborted) return;
      if (isOutage(error)) log.warn({ err: error }, 'the proof waits');
      else {
        metrics.proofStopped.set(1);
        log.error({ err: error }, 'the proof stopped; what was signed before stays served');
      }
    }
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
  }
}
