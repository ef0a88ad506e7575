/**
 * I6: every projection is built once more from the log, beside the live one, and the two have the
 * same checksum at the same position. The live one stays as it is.
 */
import { compareProjections } from '../../projectors/app.js';
import {
  RebuildUnderWay,
  type RebuildOutcome,
  type Rebuilt,
} from '../../projectors/engine/rebuild.js';
import type { Infra } from '../../runtime/infra.js';
import type { Findings } from '../findings.js';

export interface RebuildAudit {
  /** Rows that were equal, over all projections. */
  readonly rows: bigint;
  readonly compared: readonly string[];
  /** Why nothing can be said of the others. */
  readonly notCompared: readonly { readonly projection: string; readonly why: string }[];
}

type Rebuildable = Pick<Infra, 'readStore' | 'progress' | 'store' | 'log'>;

export async function auditRebuilds(
  infra: Rebuildable,
  names: readonly string[],
  findings: Findings,
  signal: AbortSignal,
): Promise<RebuildAudit> {
  const compared: string[] = [];
  const notCompared: { projection: string; why: string }[] = [];
  const untold = new Set(names);
  let rows = 0n;
  for await (const outcome of compareProjections({ ...infra, signal }, names)) {
    untold.delete(outcome.name);
    const comparison = comparisonIn(outcome);
    if (typeof comparison === 'string') {
      notCompared.push({ projection: outcome.name, why: comparison });
      continue;
    }
    compared.push(outcome.name);
    const { equal, live, rebuilt } = comparison;
    if (equal) rows += live.rows;
    else findings.add('I6', outcome.name, differenceOf(live, rebuilt));
  }
  for (const projection of untold) notCompared.push({ projection, why: 'it is of other code' });
  compared.sort();
  return { rows, compared, notCompared };
}

/** Or why there is none. */
function comparisonIn(outcome: RebuildOutcome): NonNullable<Rebuilt['comparison']> | string {
  if ('rebuilt' in outcome)
    return outcome.rebuilt.comparison ?? 'it is behind the log, stopped, or of other code';
  if (outcome.error instanceof RebuildUnderWay) return outcome.error.message;
  throw outcome.error;
}

interface Sum {
  readonly position: bigint;
  readonly rows: bigint;
  readonly checksum: string;
}

const differenceOf = (live: Sum, rebuilt: Sum): string =>
  `its ${live.rows} rows at position ${live.position} have the checksum ${live.checksum}; ` +
  `rebuilt from the log they are ${rebuilt.rows} with ${rebuilt.checksum}`;
