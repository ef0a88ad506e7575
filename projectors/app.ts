/** The app that turns events into rows. One process works, the others wait for its lease. */
import type { Infra } from '../runtime/infra.js';
import type { Worker } from '../infra/worker.js';
import { whileLeased } from '../infra/leases/while-leased.js';
import { makeRebuilds } from './engine/make-rebuilds.js';
import { projections } from './projections.js';
import { rebuildAll, type Rebuilding, type RebuildOutcome } from './engine/rebuild.js';
import { runProjections } from './engine/run-projections.js';

/** A holder that died is replaced after this long; one that lost it unknowingly writes nothing. */
const LEASE_MS = 5_000;

export function projectorWorkers(infra: Infra): readonly Worker[] {
  const { leases, log, metrics, store, progress, projecting: pool, rebuilding: patient } = infra;
  const running = { pool, progress, store, log, metrics, projections };
  const onOutage = (error: unknown) => log.warn({ err: error }, 'the projectors have no lease');
  return [
    {
      name: 'projectors',
      run: (signal) =>
        whileLeased({
          leases,
          name: 'projectors',
          holder: infra.instance,
          ttlMs: LEASE_MS,
          signal,
          work: (leased) => runProjections(running, leased),
          onOutage,
        }),
    },
    {
      name: 'projectors-rebuild',
      run: (signal) => makeRebuilds({ pool, patient, progress, store, log }, projections, signal),
    },
  ];
}

type Rebuildable = Pick<Infra, 'readStore' | 'progress' | 'store' | 'log'> &
  Pick<Rebuilding, 'onProgress' | 'signal'>;

/** Those of the names that there are, in one reading of the log; as `rebuildAll` promises. */
export function rebuildProjections(
  infra: Rebuildable,
  names: readonly string[],
  options: { readonly swap: boolean },
): AsyncIterable<RebuildOutcome> {
  const known = projections.filter(({ name }) => names.includes(name));
  return rebuildAll(rebuildingOf(infra), known, options);
}

/** Rebuilds beside the live ones, compares at one position, and leaves the live ones. */
export const compareProjections = (infra: Rebuildable, names: readonly string[]) =>
  rebuildProjections(infra, names, { swap: false });

const rebuildingOf = ({ readStore: pool, ...rest }: Rebuildable): Rebuilding => {
  const { progress, store, log, onProgress, signal } = rest;
  const given = { ...(onProgress && { onProgress }), ...(signal && { signal }) };
  return { pool, progress, store, log, ...given };
};
