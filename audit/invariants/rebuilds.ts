/**
 * I6: every projection is built once more from the log, beside the live one, and the two have the
 * same checksum at the same position. The live one stays as it is.
 */
import { compareProjection } from '../../projectors/app.js';
import { RebuildUnderWay, type Rebuilt } from '../../projectors/engine/rebuild.js';
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

/** One reads the log while the other writes. */
const AT_ONCE = 2;

export async function auditRebuilds(
  infra: Rebuildable,
  names: readonly string[],
  findings: Findings,
  signal: AbortSignal,
): Promise<RebuildAudit> {
  const compared: string[] = [];
  const notCompared: { projection: string; why: string }[] = [];
  let rows = 0n;
  const waiting = names.values();
  const lane = async () => {
    for (const projection of waiting) {
      signal.throwIfAborted();
      const outcome = await compare(infra, projection);
      if (typeof outcome === 'string') {
        notCompared.push({ projection, why: outcome });
        continue;
      }
      compared.push(projection);
      const { equal, live, rebuilt } = outcome;
      if (equal) rows += live.rows;
      else findings.add('I6', projection, differenceOf(live, rebuilt));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  compared.sort();
  return { rows, compared, notCompared };
}

type Comparison = NonNullable<Rebuilt['comparison']>;

/** Or why there is none. */
async function compare(infra: Rebuildable, projection: string): Promise<Comparison | string> {
  try {
    const { comparison } = (await compareProjection(infra, projection)) ?? {};
    return comparison ?? 'it is behind the log, stopped, or of other code';
  } catch (error) {
    if (error instanceof RebuildUnderWay) return error.message;
    throw error;
  }
}

interface Sum {
  readonly position: bigint;
  readonly rows: bigint;
  readonly checksum: string;
}

const differenceOf = (live: Sum, rebuilt: Sum): string =>
  `its ${live.rows} rows at position ${live.position} have the checksum ${live.checksum}; ` +
  `rebuilt from the log they are ${rebuilt.rows} with ${rebuilt.checksum}`;
