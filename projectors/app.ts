/** The app that turns events into rows. One process works, the others wait for its lease. */
import type { Infra } from '../runtime/infra.js';
import type { Worker } from '../infra/worker.js';
import { whileLeased } from '../infra/leases/while-leased.js';
import { makeRebuilds } from './engine/make-rebuilds.js';
import { projections } from './projections.js';
import { rebuild, type Rebuilding, type Rebuilt } from './engine/rebuild.js';
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

/** Undefined when there is no such projection. Throws `RebuildUnderWay`. */
export async function rebuildProjection(
  infra: Rebuildable,
  name: string,
  options: { readonly swap: boolean },
): Promise<Rebuilt | undefined> {
  const projection = projections.find((known) => known.name === name);
  return projection && rebuild(rebuildingOf(infra), projection, options);
}

/** Rebuilds beside the live one, compares at one position, and leaves the live one as it is. */
export const compareProjection = (infra: Rebuildable, name: string): Promise<Rebuilt | undefined> =>
  rebuildProjection(infra, name, { swap: false });

const rebuildingOf = ({ readStore: pool, ...rest }: Rebuildable): Rebuilding => {
  const { progress, store, log, onProgress, signal } = rest;
  const given = { ...(onProgress && { onProgress }), ...(signal && { signal }) };
  return { pool, progress, store, log, ...given };
};
